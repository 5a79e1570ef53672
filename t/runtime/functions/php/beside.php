<?php
return "beside";

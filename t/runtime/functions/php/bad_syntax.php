<?php
return function ($event {

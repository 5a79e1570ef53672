<?php
require "not_to_be_found.php";

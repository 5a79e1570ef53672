<?php
$name = require "beside.php";

return fn ($event, $context) => [$name, $event];

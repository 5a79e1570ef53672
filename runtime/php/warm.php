<?php

/* Loaded and forgotten by bootstrap.php in blanks that are next. */

return static function (array $event, $context): array {
    return ['statusCode' => 200, 'body' => json_encode($event)];
};

<?php

header('Content-Type: application/json');

echo json_encode(['message' => 'Hello ' . ($_GET['name'] ?? 'world'),
                  'method' => $_SERVER['REQUEST_METHOD']]), "\n";

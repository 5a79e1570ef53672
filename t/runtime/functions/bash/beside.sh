echo '"beside"'

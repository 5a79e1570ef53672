require('not-to-be-found');

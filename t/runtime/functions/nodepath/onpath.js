exports.name = 'on the path';

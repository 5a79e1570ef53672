exports.handler = async () => 'old';

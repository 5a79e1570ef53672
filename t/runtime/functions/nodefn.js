exports.small = async (event) => ({ message: 'hello' });
exports.sync = (event, context, callback) => { callback(null, event); };

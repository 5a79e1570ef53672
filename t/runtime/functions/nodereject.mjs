await Promise.reject(new Error('top level'));

'use strict';

/*
 * Finds and loads the function that a handler string names, with the rules
 * and the errors of Lambda.
 */

const fs = require('fs');
const path = require('path');

const errors = require('./errors.cjs');
const { streams } = require('./stream.cjs');


/* "dir/file.a.b": the file up to the first dot of the last part */

function split(handler) {
    if (handler.includes('..')) {
        throw new errors.MalformedHandlerName(`'${handler}' is not a valid `
            + 'handler name. Use absolute paths when specifying root '
            + 'directories in handler names.');
    }

    const base = path.basename(handler);
    const match = base.match(/^([^.]*)\.(.*)$/);

    if (!match) {
        throw new errors.MalformedHandlerName('Bad handler');
    }

    return {
        folder: handler.substring(0, handler.indexOf(base)),
        file: match[1],
        names: match[2].split('.'),
    };
}


/* Whether .js in this folder means ES modules. */

function isModuleFolder(folder) {
    for (;;) {
        if (folder.endsWith('/node_modules')) {
            return false;
        }

        const name = path.join(folder, 'package.json');

        if (fs.existsSync(name)) {
            try {
                return JSON.parse(fs.readFileSync(name))?.type === 'module';
            } catch (e) {
                console.warn(`${name} cannot be read, it will be ignored for `
                    + 'ES module detection purposes.', e);
                return false;
            }
        }

        if (folder === '/') {
            return false;
        }

        folder = path.resolve(folder, '..');
    }
}


/* Where Node takes the types out by itself. */

async function loadTypeScript(full) {
    if (!process.features.typescript) {
        throw new errors.ImportModuleError(
            `${full} is TypeScript, which Node.js ${process.version} does not `
            + 'run: 22.18 and newer do');
    }

    if (full.endsWith('.mts') || (full.endsWith('.ts')
                                  && isModuleFolder(path.dirname(full))))
    {
        return import(full);
    }

    try {
        return require(full);
    } catch (e) {
        /* a module all the same, with an await at its top */

        if (e?.code === 'ERR_REQUIRE_ASYNC_MODULE') {
            return import(full);
        }

        throw e;
    }
}


async function loadFile(root, folder, file) {
    const full = path.resolve(root, folder, file);

    if (fs.existsSync(full)) {
        const loaded = require(full);

        if (loaded) {
            return loaded;
        }
    }

    if (fs.existsSync(full + '.js')) {
        return isModuleFolder(path.dirname(full)) ? import(full + '.js')
                                                  : require(full + '.js');
    }

    if (fs.existsSync(full + '.mjs')) {
        return import(full + '.mjs');
    }

    if (fs.existsSync(full + '.cjs')) {
        return require(full + '.cjs');
    }

    for (const suffix of ['.ts', '.mts', '.cts']) {
        if (fs.existsSync(full + suffix)) {
            return loadTypeScript(full + suffix);
        }
    }

    /* in node_modules, or in a layer that NODE_PATH names */

    return require(require.resolve(file, { paths: [root, folder] }));
}


/* A promise of the function. */

async function load(root, handler) {
    const { folder, file, names } = split(handler);
    let value;

    try {
        value = await loadFile(root, folder, file);

    } catch (e) {
        if (e instanceof SyntaxError) {
            throw Object.assign(new errors.UserCodeSyntaxError(e),
                                { stack: e.stack });
        }

        if (e?.code === 'MODULE_NOT_FOUND') {
            throw new errors.ImportModuleError(e);
        }

        throw e;
    }

    for (const name of names) {
        value = value && value[name];
    }

    if (!value) {
        throw new errors.HandlerNotFound(
            `${handler} is undefined or not exported`);
    }

    if (typeof value !== 'function') {
        throw new errors.HandlerNotFound(`${handler} is not a function`);
    }

    streams(value);             /* throws if it is neither */

    return value;
}


module.exports = { load };

"""Owns an API to a configuration: the faas_api block, and as comments what
the reader has to write elsewhere.
"""

from .nginxtext import comment, quoted, word

REFUSED = ['return', '501', '{"message":"Not Implemented"}',
           'type=application/json']


def statement(name, words):
    return '    %-12s %s;' % (name, ' '.join(words))


def render(api, options, source):
    lines = [comment('made from %s' % source),
             comment('type %s: %s' % (api.type, api.why)), '']
    lines += block(api)
    lines += functions(api, options)
    lines += places(api, options)
    return '\n'.join(lines) + '\n'


def block(api):
    lines = ['faas_api %s {' % api.name, statement('type', [api.type])]

    if api.payload != '2.0':
        lines.append(statement('payload', [api.payload]))
    if api.binary:
        lines.append(statement('binary_media_types', map(word, api.binary)))
    if api.stage:
        lines.append(statement('stage', map(word, api.stage)))
    if api.cors:
        lines.append(statement('cors', map(word, api.cors)))

    for authorizer in api.authorizers:
        if authorizer.remark:
            lines.append(comment(authorizer.remark, '    '))
        lines.append(statement('authorizer', authorizer.words))

    if api.keys:
        lines += [comment('usage plans and their API keys, to be put there',
                          '    '), statement('api_keys', [word(api.keys)])]

    for route in api.routes:
        lines += route_lines(route)
    return lines + ['}']


def route_lines(route):
    lines, words = [], [route.method]
    if route.path is not None:
        words.append(quoted(route.path))

    target = route.target.words if route.target else REFUSED
    if route.refused:
        target = REFUSED
        lines.append(comment(route.refused, '    '))
    if target[0] == 'return':
        # the body is a word that stands out in quotes
        words += target[:2] + [quoted(target[2])] + [word(w)
                                                     for w in target[3:]]
    else:
        words += [word(w) for w in target]
    return lines + [statement('route', words)]


def functions(api, options):
    lines = []
    for name in api.functions:
        lines += ['', '#faas_function %s {' % name,
                  '#    runtime python3;',
                  '#    handler app.handler;',
                  '#    code    %s;' % word(
                      options.function_dir.rstrip('/') + '/' + name),
                  '#}']
    return lines


def places(api, options):
    """The locations."""
    lines = ['', comment('to go into the server block:'), '#',
             '#location %s {' % word(options.location)]
    for reason in api.closed:
        lines.append('#    # %s: allow whom it lets in' % reason)
    if api.closed:
        lines.append('#    deny all;')
    lines += ['#    faas_api_pass %s;' % api.name, '#}']

    for name, inner in api.upstreams.locations.items():
        lines += ['#', '#location %s {' % name]
        lines += ['#    ' + text for text in inner] + ['#}']
    return lines

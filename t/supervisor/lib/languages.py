"""Functions in all languages, run by the supervisor: one scenario for the
levels of isolation; see 081 and 098."""

import os
import sys

from suptest import *           # noqa: F401,F403

sys.path.insert(0, os.path.join(TOP, 't/lib'))          # noqa: F405
from faas_langs import files, installed                 # noqa: E402

EVENT = {'rawPath': '/x', 'queryStringParameters': {},
         'requestContext': {'requestId': 'nobody'}}


def run(level):
    """LEVEL: what the board has to say about isolation."""
    sup = Sup()                                         # noqa: F405
    try:
        equal(sup.head('isolation'), level,             # noqa: F405
              'level of isolation')
        bare = sup.head('isolation') in (1, 4)

        for name, value in installed().items():

            # its memory is limited by that of addresses here, which a
            # sanitizer needs more of than there is
            if name == 'bash' and bare and os.environ.get('FAAS_SANITIZE'):
                continue

            _, runtime, handler, _, _, _ = value
            folder = sup.code(files(value))
            fn = sup.add(name, folder, runtime=runtime, handler=handler,
                         environment={'RUN': sup.dir})
            sup.reload()
            status, answer = sup.invoke(fn, EVENT)
            equal((status, answer and answer['body']),  # noqa: F405
                  (0, 'id false'), name + ': answers')
            see = dict(EVENT, queryStringParameters={'do': 'where'})
            status, v = sup.invoke(fn, see)
            equal((status, v['cwd'], bool(v['writes'])),    # noqa: F405
                  (0, folder if bare else '/var/task', False),
                  name + ': its folder, which it cannot write to')
            fail = dict(EVENT, queryStringParameters={'do': 'fail'})
            equal(sup.invoke(fn, fail)[0], 1,           # noqa: F405
                  name + ': an error')

        equal(sup.stop(), 0, 'orderly end')             # noqa: F405
        equal(leftovers(sup), [], 'nothing is left behind')     # noqa: F405
    finally:
        if Tap.failed:                                  # noqa: F405
            diag(sup.log())                             # noqa: F405
        sup.clean()
    done()                                              # noqa: F405

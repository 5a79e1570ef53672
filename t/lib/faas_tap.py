"""TAP output and waiting for conditions; see t/README.md."""

import sys
import time
import traceback


class Tap:
    """One test file's results.

    with Tap() as tap:
        tap.ok(1 + 1 == 2, 'sum')

    prints the plan at the end; an exception is a failed test.
    """

    def __init__(self, plan=None):
        self.plan = plan
        self.count = 0
        self.failed = 0

    def __enter__(self):
        if self.plan is not None:
            print('1..%d' % self.plan, flush=True)
        return self

    def __exit__(self, kind, value, trace):
        if kind is SystemExit:
            return False

        if kind is not None:
            lines = traceback.format_exception(kind, value, trace)
            self.ok(False, 'no exception', ''.join(lines))

        if self.plan is None:
            print('1..%d' % self.count, flush=True)
        elif self.plan != self.count:
            self.diag('planned %d, ran %d' % (self.plan, self.count))
            self.failed += 1

        sys.exit(1 if self.failed else 0)

    def diag(self, text):
        """A comment that is seen when prove is not verbose, too."""
        for line in str(text).rstrip('\n').split('\n'):
            print('# ' + line, file=sys.stderr, flush=True)

    def ok(self, condition, name, detail=None):
        """One result; detail is printed when it failed."""
        self.count += 1
        word = 'ok' if condition else 'not ok'
        print('%s %d - %s' % (word, self.count, name), flush=True)
        if not condition:
            self.failed += 1
            self.diag('failed: ' + name)
            if detail is not None:
                self.diag(detail)
        return bool(condition)

    def equal(self, got, expected, name):
        return self.ok(got == expected, name,
                       'got:      %r\nexpected: %r' % (got, expected))

    def skip(self, name, why):
        self.count += 1
        print('ok %d - %s # skip %s' % (self.count, name, why), flush=True)


def skip_all(why):
    print('1..0 # skip %s' % why, flush=True)
    sys.exit(0)


def wait_for(condition, timeout=10.0, what=None, interval=0.01):
    """Polls until condition() is true; returns its value.

    Raises TimeoutError, which names what was waited for.
    """
    end = time.monotonic() + timeout

    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise TimeoutError('%s did not happen in %g s'
                               % (what or 'the condition', timeout))
        time.sleep(interval)

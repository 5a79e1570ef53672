"""One measurement: wrk against a port, with the CPU time of everything that
serves; and what to make of several."""

import collections
import os
import re
import statistics
import subprocess
import time

import faas_proc

Sample = collections.namedtuple('Sample', 'rps p50 p99 cpu errors noise')

UNITS = {'us': 1.0, 'ms': 1e3, 's': 1e6, 'm': 6e7}
TICK = 1.0 / os.sysconf('SC_CLK_TCK')


def cpu_seconds(pids):
    """CPU time of processes with all their threads, in nanoseconds where
    the kernel says; pid to seconds."""
    found = {}
    for pid in pids:
        total = 0.0
        try:
            for task in os.listdir('/proc/%d/task' % pid):
                with open('/proc/%d/task/%s/schedstat' % (pid, task)) as f:
                    total += int(f.read().split()[0]) / 1e9
        except FileNotFoundError:
            if not os.path.exists('/proc/%d' % pid):
                continue
            total = faas_proc.cpu_ticks([pid]) * TICK
        except ProcessLookupError:
            continue
        found[pid] = total
    return found


def busy_seconds():
    """CPU time used by anything on this machine, and what was stolen."""
    with open('/proc/stat') as f:
        n = [int(x) for x in f.readline().split()[1:]]
    # all but idle and iowait; guest time is part of user time
    return (sum(n[:8]) - n[3] - n[4]) * TICK


def latency(text):
    m = re.match(r'([0-9.]+)(us|ms|s|m)$', text)
    if not m:
        raise RuntimeError('wrk measured nothing: latency of %s' % text)
    return float(m.group(1)) * UNITS[m.group(2)]


def parse(out):
    rps = float(re.search(r'Requests/sec:\s+([0-9.]+)', out).group(1))
    p50 = latency(re.search(r'^ +50% +(\S+)', out, re.M).group(1))
    p99 = latency(re.search(r'^ +99% +(\S+)', out, re.M).group(1))
    n = int(re.search(r'(\d+) requests in', out).group(1))
    bad = re.search(r'Non-2xx or 3xx responses: (\d+)', out)
    lost = re.search(r'Socket errors: connect (\d+), read (\d+), '
                     r'write (\d+), timeout (\d+)', out)
    errors = int(bad.group(1)) if bad else 0
    errors += sum(map(int, lost.groups())) if lost else 0
    return rps, p50, p99, n, errors


def wrk(server, path, connections, seconds):
    before = cpu_seconds(server.pids())
    busy, started = busy_seconds(), time.monotonic()
    own = os.times()

    out = subprocess.run(
        ['wrk', '-t1', '-c%d' % connections, '-d%ds' % seconds, '--latency']
        + getattr(server, 'wrk', [])
        + ['http://127.0.0.1:%d%s' % (server.port, path)],
        stdout=subprocess.PIPE, check=True).stdout.decode()

    after = cpu_seconds(server.pids())
    cpu = sum(after[pid] - before.get(pid, 0.0) for pid in after)
    now = os.times()
    own = sum(now[:4]) - sum(own[:4])
    noise = (busy_seconds() - busy - cpu - own) / (time.monotonic() - started)

    rps, p50, p99, n, errors = parse(out)
    return Sample(rps, p50, p99, cpu * 1e6 / max(n, 1), errors,
                  max(noise, 0.0))


# a round in which others used more than this of one CPU is measured again
NOISE = 0.15


def interleave(sides, rounds, seconds, connections):
    """Rounds of A, B, ... in turn; sides: (server, path) pairs.

    Returns one list of samples for each side, of the quiet rounds as far as
    there were enough of them, and how many rounds were not.
    """
    for server, path in sides:
        wrk(server, path, connections, 1)

    quiet, noisy = [], []

    while len(quiet) < rounds and len(quiet) + len(noisy) < 2 * rounds:
        order = list(range(len(sides)))
        if (len(quiet) + len(noisy)) % 2:
            order.reverse()
        samples = [None] * len(sides)
        for i in order:
            samples[i] = wrk(sides[i][0], sides[i][1], connections, seconds)
        loud = any(s.noise > NOISE for s in samples)
        (noisy if loud else quiet).append(samples)

    kept = (quiet + sorted(noisy, key=lambda r: max(s.noise for s in r)))
    kept = kept[:rounds]
    return [list(side) for side in zip(*kept)], len(noisy)


def median(samples, field):
    return statistics.median(getattr(s, field) for s in samples)


def ratios(a, b, field):
    """a to b, round by round: median, lowest, highest."""
    r = sorted(getattr(x, field) / getattr(y, field) for x, y in zip(a, b))
    return statistics.median(r), r[0], r[-1]


def percentile(values, p):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * p / 100))]

/*
 * Making, opening and naming things in the scoreboard.
 *
 * Runs in the nginx master (create, name), in workers (register) and in the
 * supervisor (open).  Takes only the names lock of the header.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "faas_board.h"


static const char *const  faas_why_names[] = {
    "none", "timeout", "protocol violation", "aborted", "crashed",
    "response too large", "worker lost", "exited", "killed by a signal",
    "out of memory", "init error", "init timeout", "init crashed", "idle",
    "age", "requests", "replaced", "removed", "shutdown", "no capacity",
    "spawn failed", "throttled"
};

static const char *const  faas_env_state_names[] = {
    "free", "blank", "init", "ready", "idle", "busy", "drain", "dead"
};

static const char *const  faas_counter_names[] = {
#define FAAS_X(name)  #name,
    FAAS_COUNTERS(FAAS_X)
#undef FAAS_X
};


static size_t
faas_page_align(size_t n)
{
    return (n + 4095) & ~(size_t) 4095;
}


size_t
faas_board_size(uint32_t max_functions, uint32_t max_envs)
{
    size_t  n;

    n = faas_page_align(sizeof(faas_head_t));
    n += faas_page_align((size_t) max_functions * sizeof(faas_fn_t));
    n += faas_page_align((size_t) max_envs * sizeof(faas_env_t));
    n += faas_page_align((size_t) FAAS_MAX_WORKERS * sizeof(faas_worker_t));
    n += (size_t) FAAS_MAX_WORKERS * FAAS_WORKER_TICKETS
         * sizeof(faas_ticket_t);

    return n;
}


static void
faas_board_layout(faas_head_t *head, uint32_t max_functions,
    uint32_t max_envs)
{
    uint64_t  off;

    head->layout = FAAS_BOARD_LAYOUT;
    head->max_functions = max_functions;
    head->max_envs = max_envs;
    head->max_workers = FAAS_MAX_WORKERS;
    head->worker_tickets = FAAS_WORKER_TICKETS;
    head->fn_size = sizeof(faas_fn_t);
    head->size = faas_board_size(max_functions, max_envs);

    off = faas_page_align(sizeof(faas_head_t));
    head->off_fns = off;
    off += faas_page_align((size_t) max_functions * sizeof(faas_fn_t));
    head->off_envs = off;
    off += faas_page_align((size_t) max_envs * sizeof(faas_env_t));
    head->off_workers = off;
    off += faas_page_align((size_t) FAAS_MAX_WORKERS * sizeof(faas_worker_t));
    head->off_tickets = off;
}


static void
faas_board_view(faas_board_t *board, void *p, size_t size)
{
    char  *base = p;

    board->head = p;
    board->fns = (faas_fn_t *) (base + board->head->off_fns);
    board->envs = (faas_env_t *) (base + board->head->off_envs);
    board->workers = (faas_worker_t *) (base + board->head->off_workers);
    board->tickets = (faas_ticket_t *) (base + board->head->off_tickets);
    board->size = size;
}


static int
faas_mutex_init(pthread_mutex_t *mutex)
{
    int                  rc;
    pthread_mutexattr_t  attr;

    rc = pthread_mutexattr_init(&attr);
    if (rc != 0) {
        return rc;
    }

    (void) pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    (void) pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);

    rc = pthread_mutex_init(mutex, &attr);

    (void) pthread_mutexattr_destroy(&attr);

    return rc;
}


/* Only what is not zero; FREE entries are filled in when they are taken. */

static int
faas_board_init(faas_board_t *board)
{
    int       rc;
    uint32_t  i;

    rc = faas_mutex_init(&board->head->names_lock);
    if (rc != 0) {
        return rc;
    }

    for (i = 0; i < board->head->max_workers; i++) {
        board->workers[i].mailbox = FAAS_NIL;
    }

    return 0;
}


/* Sizes and maps the new file and fills in what is not zero. */

static int
faas_board_map(int fd, uint32_t max_functions, uint32_t max_envs,
    uint64_t epoch, faas_board_t *board)
{
    int     err;
    void   *p;
    size_t  size;

    size = faas_board_size(max_functions, max_envs);

    if (ftruncate(fd, size) == -1) {
        return -1;
    }

    p = mmap(NULL, size, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    if (p == MAP_FAILED) {
        return -1;
    }

    faas_board_layout(p, max_functions, max_envs);
    faas_board_view(board, p, size);
    board->head->epoch = epoch;

    err = faas_board_init(board);

    if (err != 0) {
        faas_board_close(board);
        errno = err;
        return -1;
    }

    board->head->magic = FAAS_BOARD_MAGIC;

    return 0;
}


int
faas_board_create(const char *path, uint32_t max_functions,
    uint32_t max_envs, uint64_t epoch, faas_board_t *board)
{
    int   fd, rc, err;
    char  temp[4096];

    if (snprintf(temp, sizeof(temp), "%s.%d", path, (int) getpid())
        >= (int) sizeof(temp))
    {
        errno = ENAMETOOLONG;
        return -1;
    }

    (void) unlink(temp);

    fd = open(temp, O_RDWR|O_CREAT|O_EXCL|O_CLOEXEC|O_NOFOLLOW, 0600);
    if (fd == -1) {
        return -1;
    }

    rc = faas_board_map(fd, max_functions, max_envs, epoch, board);

    if (rc == 0 && rename(temp, path) == -1) {
        err = errno;
        faas_board_close(board);
        errno = err;
        rc = -1;
    }

    err = errno;
    (void) close(fd);

    if (rc == -1) {
        (void) unlink(temp);
        errno = err;
    }

    return rc;
}


/*
 * The file is ours alone (0600), but an interrupted upgrade may have left one
 * of another build: nothing in it is used before all sizes agree.
 */

static int
faas_board_check(const faas_head_t *head, size_t size)
{
    faas_head_t  want;

    if (size < sizeof(faas_head_t)
        || head->magic != FAAS_BOARD_MAGIC
        || head->layout != FAAS_BOARD_LAYOUT
        || head->max_functions == 0 || head->max_functions > 1048576
        || head->max_envs == 0 || head->max_envs > 1048576)
    {
        return -2;
    }

    memset(&want, 0, sizeof(faas_head_t));
    faas_board_layout(&want, head->max_functions, head->max_envs);

    if (head->size != want.size || want.size != size
        || head->max_workers != want.max_workers
        || head->worker_tickets != want.worker_tickets
        || head->fn_size != want.fn_size
        || head->off_fns != want.off_fns
        || head->off_envs != want.off_envs
        || head->off_workers != want.off_workers
        || head->off_tickets != want.off_tickets)
    {
        return -2;
    }

    return 0;
}


int
faas_board_open(const char *path, faas_board_t *board)
{
    int          fd, rc, err;
    void        *p;
    struct stat  st;

    fd = open(path, O_RDWR|O_CLOEXEC|O_NOFOLLOW);
    if (fd == -1) {
        return -1;
    }

    if (fstat(fd, &st) == -1) {
        err = errno;
        (void) close(fd);
        errno = err;
        return -1;
    }

    if (!S_ISREG(st.st_mode) || st.st_size < (off_t) sizeof(faas_head_t)) {
        (void) close(fd);
        return -2;
    }

    p = mmap(NULL, st.st_size, PROT_READ|PROT_WRITE, MAP_SHARED, fd, 0);
    err = errno;
    (void) close(fd);

    if (p == MAP_FAILED) {
        errno = err;
        return -1;
    }

    rc = faas_board_check(p, st.st_size);
    if (rc != 0) {
        (void) munmap(p, st.st_size);
        return rc;
    }

    faas_board_view(board, p, st.st_size);

    return 0;
}


void
faas_board_close(faas_board_t *board)
{
    if (board->head != NULL) {
        (void) munmap(board->head, board->size);
        memset(board, 0, sizeof(faas_board_t));
    }
}


uint32_t
faas_board_find(faas_board_t *board, const char *name, size_t len)
{
    uint32_t    i;
    faas_fn_t  *fn;

    if (len == 0 || len > FAAS_NAME_MAX) {
        return FAAS_NIL;
    }

    for (i = 0; i < board->head->max_functions; i++) {
        fn = &board->fns[i];

        if (fn->state == FAAS_FN_FREE) {
            break;                   /* functions keep their place for ever */
        }

        if (memcmp(fn->name, name, len) == 0 && fn->name[len] == '\0') {
            return i;
        }
    }

    return FAAS_NIL;
}


uint32_t
faas_board_name(faas_board_t *board, const char *name, size_t len)
{
    int         rc;
    uint32_t    i;
    faas_fn_t  *fn;

    if (len == 0 || len > FAAS_NAME_MAX) {
        return FAAS_NIL;
    }

    rc = pthread_mutex_lock(&board->head->names_lock);
    if (rc == EOWNERDEAD) {
        /* an entry counts only once its state is set: nothing to repair */
        (void) pthread_mutex_consistent(&board->head->names_lock);

    } else if (rc != 0) {
        return FAAS_NIL;
    }

    i = faas_board_find(board, name, len);

    if (i != FAAS_NIL) {
        goto done;
    }

    for (i = 0; i < board->head->max_functions; i++) {
        if (board->fns[i].state == FAAS_FN_FREE) {
            break;
        }
    }

    if (i == board->head->max_functions) {
        i = FAAS_NIL;
        goto done;
    }

    fn = &board->fns[i];

    if (faas_mutex_init(&fn->lock) != 0) {
        i = FAAS_NIL;
        goto done;
    }

    memset(fn->name, 0, sizeof(fn->name));
    memcpy(fn->name, name, len);
    fn->idle_head = FAAS_NIL;
    fn->wait_head = FAAS_NIL;
    fn->wait_tail = FAAS_NIL;

    atomic_store_explicit(&fn->state, FAAS_FN_CONFIGURED,
                          memory_order_release);

done:

    (void) pthread_mutex_unlock(&board->head->names_lock);

    return i;
}


uint32_t
faas_worker_register(faas_board_t *board, int32_t pid, uint64_t start_time,
    int32_t master_pid, uint64_t master_start_time, uint64_t generation)
{
    int32_t         expected;
    uint32_t        i, k;
    faas_worker_t  *worker;

    for (i = 0; i < board->head->max_workers; i++) {
        worker = &board->workers[i];
        expected = 0;

        if (!atomic_compare_exchange_strong(&worker->pid, &expected, pid)) {
            continue;
        }

        worker->exited = 0;
        worker->start_time = start_time;
        worker->master_pid = master_pid;
        worker->master_start_time = master_start_time;
        worker->mailbox = FAAS_NIL;

        for (k = 0; k < board->head->worker_tickets; k++) {
            if (board->tickets[i * board->head->worker_tickets + k].state
                != FAAS_TICKET_FREE)
            {
                board->tickets[i * board->head->worker_tickets + k].state =
                    FAAS_TICKET_FREE;
            }
        }

        atomic_store_explicit(&worker->generation, generation,
                              memory_order_release);
        return i;
    }

    return FAAS_NIL;
}


uint64_t
faas_process_start_time(int32_t pid)
{
    int        fd, i;
    char       path[64], buf[1024], *p;
    ssize_t    n;
    uint64_t   value;

    (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);

    fd = open(path, O_RDONLY|O_CLOEXEC);
    if (fd == -1) {
        return 0;
    }

    n = read(fd, buf, sizeof(buf) - 1);
    (void) close(fd);

    if (n <= 0) {
        return 0;
    }

    buf[n] = '\0';

    /* field 2 is the command in parentheses and may hold anything */

    p = strrchr(buf, ')');
    if (p == NULL || p[1] != ' ' || p[2] == 'Z' || p[2] == 'X') {
        return 0;
    }

    for (i = 2; i < 22 && p != NULL; i++) {
        p = strchr(p + 1, ' ');
    }

    if (p == NULL) {
        return 0;
    }

    value = 0;

    for (p++; *p >= '0' && *p <= '9'; p++) {
        value = value * 10 + (uint64_t) (*p - '0');
    }

    return value;
}


uint64_t
faas_now_us(void)
{
    struct timespec  ts;

    (void) clock_gettime(CLOCK_MONOTONIC, &ts);

    return (uint64_t) ts.tv_sec * 1000000 + (uint64_t) ts.tv_nsec / 1000;
}


uint64_t
faas_now_ms(void)
{
    return faas_now_us() / 1000;
}


const char *
faas_why_name(uint32_t why)
{
    if (why >= sizeof(faas_why_names) / sizeof(faas_why_names[0])) {
        return "unknown";
    }

    return faas_why_names[why];
}


const char *
faas_env_state_name(uint32_t state)
{
    if (state > FAAS_ENV_DEAD) {
        return "unknown";
    }

    return faas_env_state_names[state];
}


const char *
faas_counter_name(uint32_t counter)
{
    if (counter >= FAAS_CNT_N) {
        return "unknown";
    }

    return faas_counter_names[counter];
}

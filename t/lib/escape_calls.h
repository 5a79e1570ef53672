/*
 * The cases of escape.c that are a single call, and the list of all cases.
 * Included by escape.c only.
 */

#define CALL(name, call)                                                      \
    static long t_##name(const char *arg) { (void) arg; return call; }

static char  large[1 << 20];


/* files */

CALL(read, reads(arg))
CALL(create, opens(arg, O_WRONLY|O_CREAT))
CALL(rdwr, opens(arg, O_RDWR|O_NONBLOCK))
CALL(unlink, unlink(arg))
CALL(chmod, chmod(arg, 0777))
CALL(list, access(arg, F_OK))
CALL(sysrq, writes("/proc/sysrq-trigger", "h"))
CALL(core_pattern, writes("/proc/sys/kernel/core_pattern", "|/tmp/x"))
CALL(overcommit, writes("/proc/sys/vm/overcommit_memory", "1"))
CALL(setuid_bit, (opens("/tmp/s", O_WRONLY|O_CREAT), chmod("/tmp/s", 04755)))
CALL(setuid_fchmodat, fchmodat(AT_FDCWD, "/tmp/s", 02755, 0))
CALL(setuid_create, open("/tmp/s2", O_WRONLY|O_CREAT, 04755))
CALL(setuid_tmpfile, open("/tmp", O_WRONLY|O_TMPFILE, 04755))
CALL(mknod_block, mknod("/tmp/b", S_IFBLK|0600, 0x800))
CALL(mknod_char, mknod("/tmp/c", S_IFCHR|0600, 0x101))
CALL(mkfifo, (unlink("/tmp/f"), mknod("/tmp/f", S_IFIFO|0600, 0)))
CALL(setxattr, setxattr("/tmp", "user.x", "y", 1, 0))
CALL(fsetxattr, fsetxattr(0, "system.posix_acl_access", page, 4, 0))
CALL(ofd_lock, fcntl(0, F_OFD_SETLK, page))
CALL(openat2, syscall(437, AT_FDCWD, "/", page, 24))

/* mounts and namespaces */

CALL(mount, mount("none", "/tmp", "tmpfs", 0, NULL))
CALL(mount_overlay, mount("none", "/tmp", "overlay", 0,
                          "lowerdir=/usr:/var/task"))
CALL(mount_proc, mount("proc", "/tmp", "proc", 0, NULL))
CALL(remount, mount(NULL, "/", NULL, MS_REMOUNT|MS_BIND, NULL))
CALL(umount, umount2("/proc", MNT_DETACH))
CALL(umount_tmp, umount2("/tmp", MNT_DETACH))
CALL(unshare_user, unshare(CLONE_NEWUSER))
CALL(unshare_ns, unshare(CLONE_NEWNS))
CALL(unshare_net, unshare(CLONE_NEWNET))
CALL(clone3, syscall(435, page, 64))
CALL(setns, setns(0, 0))
CALL(pivot_root, syscall(SYS_pivot_root, "/tmp", "/tmp"))
CALL(chroot, chroot("/tmp"))
CALL(fsopen, syscall(430, "tmpfs", 0))
CALL(open_tree, syscall(428, AT_FDCWD, "/", 1))
CALL(move_mount, syscall(429, -1, "", -1, "/tmp", 4))
CALL(mount_setattr, syscall(442, -1, "", 0x1000, page, 32))

/* processes */

CALL(ptrace_me, ptrace(PTRACE_TRACEME, 0, 0, 0))
CALL(ptrace, ptrace(PTRACE_ATTACH, atoi(arg), 0, 0))
CALL(vm_readv, syscall(SYS_process_vm_readv, atoi(arg), page, 0, page, 0, 0))
CALL(vm_writev, syscall(SYS_process_vm_writev, atoi(arg), page, 0, page, 0,
                        0))
CALL(pidfd_getfd, syscall(438, 0, 0, 0))
CALL(kcmp, syscall(SYS_kcmp, 1, 1, 0, 0, 0))
CALL(kill, kill(atoi(arg), SIGKILL))
CALL(setuid, setuid(0))
CALL(setresuid, setresuid(0, 0, 0))
CALL(setgid, setgid(0))
CALL(setgroups, (long) syscall(SYS_setgroups, 1, page))
CALL(nice, setpriority(PRIO_PROCESS, 0, -5))
CALL(personality, personality(ADDR_NO_RANDOMIZE))
CALL(huge, (long) mmap(NULL, 2 << 20, PROT_READ, MAP_PRIVATE|MAP_ANONYMOUS
                       |MAP_HUGETLB, -1, 0))
CALL(huge_memfd, memfd_create("x", MFD_HUGETLB))
CALL(huge_shm, shmget(IPC_PRIVATE, 2 << 20, SHM_HUGETLB|0600))
CALL(memfd, memfd_create("x", 0))
CALL(prlimit, syscall(SYS_prlimit64, 1, RLIMIT_NOFILE, NULL, page))
CALL(prlimit_own, syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, NULL, page))
CALL(mlock, mlock(large, sizeof(large)))

/* the kernel */

CALL(add_key, syscall(SYS_add_key, "user", "x", "y", 1, -3))
CALL(keyctl, syscall(SYS_keyctl, 0, -3, 0, 0, 0))
CALL(request_key, syscall(SYS_request_key, "user", "x", NULL, 0))
CALL(bpf, syscall(SYS_bpf, 0, page, 128))
CALL(perf, syscall(SYS_perf_event_open, page, 0, -1, -1, 0))
CALL(userfaultfd, syscall(SYS_userfaultfd, 1))
CALL(io_uring, syscall(425, 8, page))
CALL(io_uring_enter, syscall(426, 0, 0, 0, 0, 0, 0))
CALL(fanotify, syscall(SYS_fanotify_init, 0, 0))
CALL(memfd_secret, syscall(447, 0))
CALL(kexec, syscall(SYS_kexec_load, 0, 0, page, 0))
CALL(init_module, syscall(SYS_init_module, page, 0, ""))
CALL(finit_module, syscall(SYS_finit_module, 0, "", 0))
CALL(delete_module, syscall(SYS_delete_module, "x", 0))
CALL(reboot, syscall(SYS_reboot, 0xfee1dead, 672274793, 0, NULL))
CALL(swapon, syscall(SYS_swapon, "/tmp/s", 0))
CALL(acct, syscall(SYS_acct, NULL))
CALL(quotactl, syscall(SYS_quotactl, 0, "/tmp", 0, page))
CALL(syslog, syscall(SYS_syslog, 3, page, sizeof(page)))
CALL(settime, syscall(SYS_settimeofday, page, NULL))
CALL(clock_settime, syscall(SYS_clock_settime, 0, page))
CALL(adjtimex, syscall(SYS_adjtimex, page))
CALL(sethostname, sethostname("x", 1))
#if defined(__x86_64__)
CALL(iopl, syscall(SYS_iopl, 3))
CALL(ioperm, syscall(SYS_ioperm, 0, 1, 1))
CALL(modify_ldt, syscall(SYS_modify_ldt, 0, page, 16))
#else
CALL(iopl, (errno = EPERM, -1))
CALL(ioperm, (errno = EPERM, -1))
CALL(modify_ldt, (errno = EPERM, -1))
#endif
CALL(mbind, syscall(SYS_mbind, page, 0, 0, NULL, 0, 0))
CALL(future, syscall(500))
CALL(tiocsti, ioctl(0, TIOCSTI, "x"))

/* sockets */

CALL(packet, socket(AF_PACKET, SOCK_RAW, 0))
CALL(raw, socket(AF_INET, SOCK_RAW, IPPROTO_ICMP))
CALL(raw6, socket(AF_INET6, SOCK_RAW, IPPROTO_ICMPV6))
CALL(vsock, socket(AF_VSOCK, SOCK_STREAM, 0))
CALL(alg, socket(AF_ALG, SOCK_SEQPACKET, 0))
CALL(sctp, socket(AF_INET, SOCK_STREAM, 132))
CALL(mptcp, socket(AF_INET, SOCK_STREAM, 262))
CALL(netlink_audit, socket(AF_NETLINK, SOCK_RAW, NETLINK_AUDIT))
CALL(netlink_nf, socket(AF_NETLINK, SOCK_RAW, NETLINK_NETFILTER))
CALL(netlink_route, socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE))
CALL(tcp, socket(AF_INET, SOCK_STREAM, 0))
CALL(pair, socketpair(AF_UNIX, SOCK_STREAM, 0, (int *) page))
CALL(pair_inet, socketpair(AF_INET, SOCK_STREAM, 0, (int *) page))
CALL(pair_tipc, socketpair(AF_TIPC, SOCK_STREAM, 0, (int *) page))
CALL(linger, option(SOL_SOCKET, SO_LINGER))
CALL(linger_wide, option(1ULL << 32 | SOL_SOCKET, 1ULL << 32 | SO_LINGER))
CALL(ulp, option(IPPROTO_TCP, TCP_ULP))
CALL(keepalive, option(SOL_SOCKET, SO_KEEPALIVE))
CALL(broadcast, option(SOL_SOCKET, SO_BROADCAST))
CALL(reuseport, option(SOL_SOCKET, SO_REUSEPORT))
CALL(nodelay, option(IPPROTO_TCP, TCP_NODELAY))
CALL(tos, option(IPPROTO_IP, IP_TOS))


#define CASES(X)                                                              \
    X(read) X(create) X(rdwr) X(unlink) X(chmod) X(list) X(sysrq)             \
    X(core_pattern) X(overcommit) X(setuid_bit) X(setuid_fchmodat)            \
    X(setuid_create) X(setuid_tmpfile) X(mknod_block) X(mknod_char)           \
    X(mkfifo) X(openat2) X(mount) X(mount_overlay) X(mount_proc) X(remount)   \
    X(umount) X(umount_tmp) X(unshare_user) X(unshare_ns) X(unshare_net)      \
    X(clone3) X(clone_user) X(setns) X(pivot_root) X(chroot) X(fsopen)        \
    X(open_tree) X(move_mount) X(mount_setattr) X(ptrace_me) X(ptrace)        \
    X(vm_readv) X(vm_writev) X(pidfd_getfd) X(kcmp) X(kill) X(setuid)         \
    X(setresuid) X(setgid) X(setgroups) X(nice) X(personality) X(mlock)       \
    X(add_key) X(keyctl) X(request_key) X(bpf) X(perf) X(userfaultfd)         \
    X(io_uring) X(io_uring_enter) X(fanotify) X(memfd_secret) X(kexec)        \
    X(init_module) X(finit_module) X(delete_module) X(reboot) X(swapon)       \
    X(acct) X(quotactl) X(syslog) X(settime) X(clock_settime) X(adjtimex)     \
    X(sethostname) X(iopl) X(ioperm) X(modify_ldt) X(mbind) X(future)         \
    X(tiocsti) X(packet) X(raw) X(raw6) X(vsock) X(alg) X(sctp) X(mptcp)      \
    X(netlink_audit) X(netlink_nf) X(netlink_route) X(tcp) X(connect)         \
    X(connect_udp) X(sendto) X(bind_tcp) X(bind_udp) X(listen)                \
    X(abstract_connect) X(abstract_listen) X(unix_connect) X(handle) X(fifo)  \
    X(raise_nofile) X(i386) X(x32) X(fork_bomb) X(fds) X(sockets) X(inodes)   \
    X(zombies) X(signals) X(su) X(link) X(symlink) X(setxattr) X(fsetxattr)   \
    X(prlimit) X(prlimit_own) X(pair) X(pair_inet) X(pair_tipc) X(linger)     \
    X(linger_wide) X(keepalive) X(broadcast) X(reuseport) X(nodelay) X(tos)   \
    X(ulp) X(huge) X(huge_memfd) X(huge_shm) X(memfd) X(ofd_lock) X(core)

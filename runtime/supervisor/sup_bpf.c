/*
 * The programs that the kernel runs when a process of an environment with
 * "network egress" connects, sends a datagram, binds, sends or is sent a
 * packet.  They are a few dozen instructions each, written here instead of by a
 * compiler, and attached to the control group of all such environments.
 *
 * Runs in the supervisor, with CAP_SYS_ADMIN or CAP_BPF and CAP_NET_ADMIN.
 */

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sup_bpf.h"


/* what an address is loaded from, by the kernel's name of the hook */

typedef struct {
    int              type;
    int              attach;
    const char      *name;
    unsigned         v6;
    unsigned         bind;
    unsigned         connect;
} sup_hook_t;


static const sup_hook_t  sup_hooks[] = {
    { BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_CONNECT,
      "connect4", 0, 0, 1 },
    { BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_CONNECT,
      "connect6", 1, 0, 1 },
    { BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP4_SENDMSG,
      "sendmsg4", 0, 0, 0 },
    { BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_UDP6_SENDMSG,
      "sendmsg6", 1, 0, 0 },
    { BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET4_BIND,
      "bind4", 0, 1, 0 },
    { BPF_PROG_TYPE_CGROUP_SOCK_ADDR, BPF_CGROUP_INET6_BIND,
      "bind6", 1, 1, 0 },
    { BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_INGRESS,
      "ingress", 0, 0, 0 },
    { BPF_PROG_TYPE_CGROUP_SKB, BPF_CGROUP_INET_EGRESS,
      "egress", 0, 0, 0 }
};


void
sup_bpf_add(sup_bpf_t *b, u_char code, unsigned dst, unsigned src, int off,
    uint32_t imm)
{
    struct bpf_insn  *i;

    if (b->n == SUP_BPF_MAX) {
        return;                          /* the kernel refuses a cut program */
    }

    i = &b->insns[b->n++];
    memset(i, 0, sizeof(struct bpf_insn));
    i->code = code;
    i->dst_reg = dst & 0xf;
    i->src_reg = src & 0xf;
    i->off = (int16_t) off;
    i->imm = (int32_t) imm;
}


void
sup_bpf_return(sup_bpf_t *b, uint32_t value)
{
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_K, BPF_REG_0, 0, 0, value);
    sup_bpf_add(b, BPF_JMP|BPF_EXIT, 0, 0, 0, 0);
}


void
sup_bpf_load(sup_bpf_t *b, unsigned reg, size_t offset)
{
    sup_bpf_add(b, BPF_LDX|BPF_MEM|BPF_W, reg, BPF_REG_1, (int) offset, 0);
}


/* Jumps over SKIP instructions when REG is not VALUE. */

void
sup_bpf_unless(sup_bpf_t *b, unsigned reg, uint32_t value, int skip)
{
    sup_bpf_add(b, BPF_JMP32|BPF_JNE|BPF_K, reg, 0, skip, value);
}


static uint32_t
sup_bpf_word(const u_char *p)
{
    uint32_t  word;

    memcpy(&word, p, 4);

    return word;
}


/*
 * If the address in the registers from FIRST on fits the rule, its verdict is
 * returned; r5 is the port, r0 is free.
 */

static void
sup_bpf_rule(sup_bpf_t *b, const sup_address_t *a, unsigned first)
{
    int       left;
    unsigned  i, words, used;
    uint32_t  mask[4];

    words = a->v6 ? 4 : 1;
    used = 0;

    for (i = 0; i < words; i++) {
        mask[i] = sup_bpf_word(a->mask + 4 * i);
        used += mask[i] != 0;
    }

    /* to the end: three for each word, one for a port, two for the verdict */

    left = (int) (3 * used + (a->port ? 1 : 0) + 2);

    for (i = 0; i < words; i++) {

        if (mask[i] == 0) {
            continue;
        }

        sup_bpf_add(b, BPF_ALU|BPF_MOV|BPF_X, BPF_REG_0, first + i, 0, 0);
        sup_bpf_add(b, BPF_ALU|BPF_AND|BPF_K, BPF_REG_0, 0, 0, mask[i]);
        left -= 3;
        sup_bpf_unless(b, BPF_REG_0, sup_bpf_word(a->net + 4 * i), left);
    }

    if (a->port) {
        sup_bpf_unless(b, BPF_REG_5, htons(a->port), 2);
    }

    sup_bpf_return(b, a->allow);
}


static void
sup_bpf_rules(sup_bpf_t *b, const sup_policy_t *p, unsigned v6,
    unsigned first)
{
    unsigned  i;

    for (i = 0; i < p->n; i++) {
        if (p->rules[i].v6 == v6) {
            sup_bpf_rule(b, &p->rules[i], first);
        }
    }
}


static void
sup_bpf_address(sup_bpf_t *b, const sup_policy_t *p, unsigned v6,
    unsigned connect)
{
    int       at;
    unsigned  i;

    if (connect) {
        sup_bpf_own_address(b);
    }

    sup_bpf_load(b, BPF_REG_5, offsetof(struct bpf_sock_addr, user_port));

    if (!v6) {
        sup_bpf_load(b, BPF_REG_6, offsetof(struct bpf_sock_addr, user_ip4));

        if (connect) {
            sup_bpf_own_connect(b, BPF_REG_6);
        }

        sup_bpf_rules(b, p, 0, BPF_REG_6);
        sup_bpf_return(b, 1);
        return;
    }

    for (i = 0; i < 4; i++) {
        sup_bpf_load(b, BPF_REG_6 + i,
                     offsetof(struct bpf_sock_addr, user_ip6) + 4 * i);
    }

    /* an IPv4 address in IPv6's clothes follows the rules of IPv4 */

    sup_bpf_unless(b, BPF_REG_8, htonl(0xffff), 0);
    at = (int) b->n - 1;
    sup_bpf_unless(b, BPF_REG_6, 0, 0);
    sup_bpf_unless(b, BPF_REG_7, 0, 0);

    if (connect) {
        sup_bpf_own_connect(b, BPF_REG_9);
    }

    sup_bpf_rules(b, p, 0, BPF_REG_9);
    sup_bpf_return(b, 1);

    for (i = 0; i < 3; i++) {
        b->insns[at + i].off = (int16_t) ((int) b->n - at - (int) i - 1);
    }

    sup_bpf_rules(b, p, 1, BPF_REG_6);
    sup_bpf_return(b, 1);
}


/*
 * A port of the host is not an environment's to take: one that it chooses is
 * one of its own address, and none that a service of the host may want.
 */

static void
sup_bpf_bind(sup_bpf_t *b, const sup_policy_t *p, unsigned v6)
{
    unsigned  i;

    sup_bpf_load(b, BPF_REG_5, offsetof(struct bpf_sock_addr, user_port));
    sup_bpf_unless(b, BPF_REG_5, 0, 2);
    sup_bpf_return(b, 1);

    sup_bpf_add(b, BPF_ALU|BPF_END|BPF_TO_BE, BPF_REG_5, 0, 0, 16);
    sup_bpf_add(b, BPF_JMP32|BPF_JGE|BPF_K, BPF_REG_5, 0, 2, p->port_first);
    sup_bpf_return(b, 0);
    sup_bpf_add(b, BPF_JMP32|BPF_JLE|BPF_K, BPF_REG_5, 0, 2, p->port_last);
    sup_bpf_return(b, 0);

    for (i = 0; i < p->n_reserved; i++) {
        sup_bpf_add(b, BPF_JMP32|BPF_JLT|BPF_K, BPF_REG_5, 0, 3,
                    p->reserved[i].first);
        sup_bpf_add(b, BPF_JMP32|BPF_JGT|BPF_K, BPF_REG_5, 0, 2,
                    p->reserved[i].last);
        sup_bpf_return(b, 0);
    }

    sup_bpf_own_bind(b, v6);
    sup_bpf_return(b, 0);
}


/*
 * bpf_skb_load_bytes(skb, OFFSET or, if that is negative, r2, stack, LEN): the
 * bytes are at STACK after it; what is too short is dropped.
 */

void
sup_bpf_bytes(sup_bpf_t *b, int offset, int stack, uint32_t len)
{
    if (offset >= 0) {
        sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_K, BPF_REG_2, 0, 0,
                    (uint32_t) offset);
    }

    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_X, BPF_REG_1, BPF_REG_6, 0, 0);
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_X, BPF_REG_3, BPF_REG_10, 0, 0);
    sup_bpf_add(b, BPF_ALU64|BPF_ADD|BPF_K, BPF_REG_3, 0, 0,
                (uint32_t) stack);
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_K, BPF_REG_4, 0, 0, len);
    sup_bpf_add(b, BPF_JMP|BPF_CALL, 0, 0, 0, BPF_FUNC_skb_load_bytes);
    sup_bpf_unless(b, BPF_REG_0, 0, 1);
    sup_bpf_add(b, BPF_JMP|BPF_JA, 0, 0, 2, 0);
    sup_bpf_return(b, 0);
}


/* One of them, in r0. */

void
sup_bpf_byte(sup_bpf_t *b, int offset)
{
    sup_bpf_bytes(b, offset, -8, 1);
    sup_bpf_add(b, BPF_LDX|BPF_MEM|BPF_B, BPF_REG_0, BPF_REG_10, -8, 0);
}


/* r7 is where TCP's header begins: refuses what would open a connection. */

static void
sup_bpf_syn(sup_bpf_t *b)
{
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_X, BPF_REG_2, BPF_REG_7, 0, 0);
    sup_bpf_add(b, BPF_ALU64|BPF_ADD|BPF_K, BPF_REG_2, 0, 0, 13);
    sup_bpf_byte(b, -1);
    sup_bpf_add(b, BPF_ALU|BPF_AND|BPF_K, BPF_REG_0, 0, 0,
                SUP_TCP_SYN|SUP_TCP_ACK);
    sup_bpf_unless(b, BPF_REG_0, SUP_TCP_SYN, 2);
    sup_bpf_return(b, 0);
    sup_bpf_return(b, 1);
}


/*
 * Of a packet, in r6 from now on: r7 is its first byte.  What follows is for
 * IPv4; returns the jump of others, to be aimed where theirs begins.
 */

static int
sup_bpf_version(sup_bpf_t *b)
{
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_X, BPF_REG_6, BPF_REG_1, 0, 0);

    sup_bpf_byte(b, 0);
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_X, BPF_REG_7, BPF_REG_0, 0, 0);
    sup_bpf_add(b, BPF_ALU|BPF_RSH|BPF_K, BPF_REG_0, 0, 0, 4);
    sup_bpf_unless(b, BPF_REG_0, 4, 0);

    return (int) b->n - 1;
}


/*
 * Nobody connects to an environment: to listen() without bind() takes a port
 * that no other hook sees.
 */

static void
sup_bpf_ingress(sup_bpf_t *b)
{
    int  at;

    at = sup_bpf_version(b);

    sup_bpf_add(b, BPF_ALU64|BPF_AND|BPF_K, BPF_REG_7, 0, 0, 0xf);
    sup_bpf_add(b, BPF_ALU64|BPF_LSH|BPF_K, BPF_REG_7, 0, 0, 2);
    sup_bpf_byte(b, 9);
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_0, 0, 2, SUP_TCP);
    sup_bpf_return(b, 1);
    sup_bpf_own_ingress(b);
    sup_bpf_syn(b);

    b->insns[at].off = (int16_t) ((int) b->n - at - 1);

    /* IPv6: what hides behind other headers does not get through */

    sup_bpf_byte(b, 6);
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_K, BPF_REG_7, 0, 0, 40);
    sup_bpf_unless(b, BPF_REG_0, SUP_UDP, 2);
    sup_bpf_return(b, 1);
    sup_bpf_unless(b, BPF_REG_0, SUP_ICMP6, 2);
    sup_bpf_return(b, 1);
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_0, 0, 2, SUP_TCP);
    sup_bpf_return(b, 0);
    sup_bpf_syn(b);
}


/*
 * Where the packet goes, an address of LEN bytes at AT and the port behind the
 * header: to this host itself only by a rule that allows it.
 */

static void
sup_bpf_loopback(sup_bpf_t *b, const sup_policy_t *p, int at, uint32_t len)
{
    unsigned  i;

    sup_bpf_add(b, BPF_LDX|BPF_MEM|BPF_W, BPF_REG_0, BPF_REG_6,
                offsetof(struct __sk_buff, ifindex), 0);
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_0, 0, 2, SUP_LOOPBACK);
    sup_bpf_return(b, 1);

    sup_bpf_bytes(b, at, -16, len);
    sup_bpf_bytes(b, at + (int) len + 2, -24, 2);

    for (i = 0; i < len / 4; i++) {
        sup_bpf_add(b, BPF_LDX|BPF_MEM|BPF_W, BPF_REG_6 + i, BPF_REG_10,
                    -16 + 4 * (int) i, 0);
    }

    sup_bpf_add(b, BPF_LDX|BPF_MEM|BPF_H, BPF_REG_5, BPF_REG_10, -24, 0);

    sup_bpf_rules(b, p, len == 16, BPF_REG_6);
    sup_bpf_return(b, 0);
}


/*
 * What leaves, whatever address it was sent to: a header that sends it another
 * way (source routes, segments) does not get out, and what would come back to
 * this host, by an address that it did not have when the policy was made, by
 * an anycast one or by a route, has to be allowed.
 */

static void
sup_bpf_egress(sup_bpf_t *b, const sup_policy_t *p)
{
    int  at;

    at = sup_bpf_version(b);

    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_7, 0, 2, 0x45);
    sup_bpf_return(b, 0);
    sup_bpf_own_egress(b);
    sup_bpf_loopback(b, p, 16, 4);

    b->insns[at].off = (int16_t) ((int) b->n - at - 1);

    sup_bpf_byte(b, 6);
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_0, 0, 4, SUP_TCP);
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_0, 0, 3, SUP_UDP);
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_0, 0, 2, SUP_ICMP6);
    sup_bpf_return(b, 0);
    sup_bpf_loopback(b, p, 24, 16);
}


static long
sup_bpf_call(int cmd, union bpf_attr *attr)
{
    return syscall(SYS_bpf, cmd, attr, sizeof(union bpf_attr));
}


static int
sup_bpf_one(int group, const sup_hook_t *hook, sup_bpf_t *b)
{
    int             fd, rc, err;
    union bpf_attr  attr;

    memset(&attr, 0, sizeof(attr));
    attr.prog_type = hook->type;
    attr.expected_attach_type = hook->attach;
    attr.insns = (uintptr_t) b->insns;
    attr.insn_cnt = b->n;
    attr.license = (uintptr_t) "GPL";

    fd = (int) sup_bpf_call(BPF_PROG_LOAD, &attr);

    if (fd == -1) {
        return SUP_ERROR;
    }

    memset(&attr, 0, sizeof(attr));
    attr.target_fd = group;
    attr.attach_bpf_fd = fd;
    attr.attach_type = hook->attach;

    rc = sup_bpf_call(BPF_PROG_ATTACH, &attr) == -1 ? SUP_ERROR : SUP_OK;

    err = errno;
    (void) close(fd);
    errno = err;

    return rc;
}


int
sup_bpf_attach(const char *path, const sup_policy_t *p, const char **step)
{
    int         group, rc, err;
    size_t      i;
    sup_bpf_t  *b;

    *step = path;
    group = open(path, O_RDONLY|O_DIRECTORY|O_CLOEXEC);
    b = malloc(sizeof(sup_bpf_t));
    rc = group != -1 && b != NULL ? SUP_OK : SUP_ERROR;

    for (i = 0; rc == SUP_OK && i < sizeof(sup_hooks) / sizeof(sup_hook_t);
         i++)
    {
        b->n = 0;
        *step = sup_hooks[i].name;

        if (sup_hooks[i].bind) {
            sup_bpf_bind(b, p, sup_hooks[i].v6);

        } else if (sup_hooks[i].attach == BPF_CGROUP_INET_INGRESS) {
            sup_bpf_ingress(b);

        } else if (sup_hooks[i].attach == BPF_CGROUP_INET_EGRESS) {
            sup_bpf_egress(b, p);

        } else {
            sup_bpf_address(b, p, sup_hooks[i].v6, sup_hooks[i].connect);
        }

        rc = sup_bpf_one(group, &sup_hooks[i], b);
    }

    err = errno;

    if (group != -1) {
        (void) close(group);
    }

    free(b);
    errno = err;

    return rc;
}

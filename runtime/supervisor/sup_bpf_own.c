/*
 * The one address of this host that an environment may connect to, and listen
 * at, with "network egress": FAAS_OWN_ADDRESS of its user, where the bridge
 * offers the Runtime API, which asks nobody for a password, and programs of
 * "runtime web" are asked.
 *
 * That the address is the environment's own is looked at when it connects.
 * That both ends are of one environment, whatever the address, is looked at
 * when the first packet leaves and when it comes in: both ends' sockets are of
 * one control group.  So neither another environment, nor a program of the
 * host, nor one of another host gets there; nor does the environment get to a
 * server that listens on all addresses of this host.
 *
 * Runs in the supervisor.
 */

#include <arpa/inet.h>
#include <stddef.h>
#include <sys/socket.h>

#include "sup_bpf.h"


#define SUP_TUPLE      -32           /* on the stack: 12 bytes */
#define SUP_TUPLE_LEN  12
#define SUP_JUMPS      8

#define SUP_LOOP_NET   0x7f000000    /* 127.0.0.0/8 */
#define SUP_LOOP_MASK  0xff000000


/* jumps to where a program goes on when a packet is not its business */

typedef struct {
    int       at[SUP_JUMPS];
    unsigned  n;
} sup_jumps_t;


static void
sup_own_unless(sup_bpf_t *b, sup_jumps_t *j, unsigned reg, uint32_t value)
{
    j->at[j->n++] = (int) b->n;
    sup_bpf_unless(b, reg, value, 0);
}


static void
sup_own_end(sup_bpf_t *b, sup_jumps_t *j)
{
    while (j->n--) {
        b->insns[j->at[j->n]].off = (int16_t) ((int) b->n - j->at[j->n] - 1);
    }
}


static void
sup_own_move(sup_bpf_t *b, unsigned dst, unsigned src)
{
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_X, dst, src, 0, 0);
}


static void
sup_own_call(sup_bpf_t *b, uint32_t helper)
{
    sup_bpf_add(b, BPF_JMP|BPF_CALL, 0, 0, 0, helper);
}


/* r3: the protocol, r4: the address in network order */

void
sup_bpf_own_address(sup_bpf_t *b)
{
    sup_own_move(b, BPF_REG_6, BPF_REG_1);
    sup_own_call(b, BPF_FUNC_get_current_uid_gid);
    sup_own_move(b, BPF_REG_1, BPF_REG_6);

    sup_bpf_add(b, BPF_ALU|BPF_MOV|BPF_X, BPF_REG_4, BPF_REG_0, 0, 0);
    sup_bpf_add(b, BPF_ALU|BPF_AND|BPF_K, BPF_REG_4, 0, 0, ~FAAS_OWN_MASK);
    sup_bpf_add(b, BPF_ALU|BPF_OR|BPF_K, BPF_REG_4, 0, 0, FAAS_OWN_NET);
    sup_bpf_add(b, BPF_ALU|BPF_END|BPF_TO_BE, BPF_REG_4, 0, 0, 32);

    sup_bpf_load(b, BPF_REG_3, offsetof(struct bpf_sock_addr, protocol));
}


void
sup_bpf_own_connect(sup_bpf_t *b, unsigned reg)
{
    sup_bpf_unless(b, BPF_REG_3, SUP_TCP, 3);
    sup_bpf_add(b, BPF_JMP32|BPF_JNE|BPF_X, reg, BPF_REG_4, 2, 0);
    sup_bpf_return(b, 1);
}


/* Falls through when the IPv4 address in REG is that of all or of loopback. */

static void
sup_own_listens(sup_bpf_t *b, sup_jumps_t *j, unsigned reg)
{
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, reg, 0, 3, 0);
    sup_own_move(b, BPF_REG_0, reg);
    sup_bpf_add(b, BPF_ALU|BPF_AND|BPF_K, BPF_REG_0, 0, 0,
                htonl(SUP_LOOP_MASK));
    sup_own_unless(b, j, BPF_REG_0, htonl(SUP_LOOP_NET));
}


static void
sup_own_store(sup_bpf_t *b, unsigned reg, size_t offset)
{
    sup_bpf_add(b, BPF_STX|BPF_MEM|BPF_W, BPF_REG_1, reg, (int) offset, 0);
}


/* The same of an IPv6 address; programs listen there for both protocols. */

static void
sup_own_listens6(sup_bpf_t *b, sup_jumps_t *j)
{
    int       mapped, any, loop;
    unsigned  i;

    for (i = 0; i < 4; i++) {
        sup_bpf_load(b, BPF_REG_6 + i,
                     offsetof(struct bpf_sock_addr, user_ip6) + 4 * i);
    }

    sup_own_unless(b, j, BPF_REG_6, 0);
    sup_own_unless(b, j, BPF_REG_7, 0);

    mapped = (int) b->n;
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_8, 0, 0, htonl(0xffff));
    sup_own_unless(b, j, BPF_REG_8, 0);

    any = (int) b->n;
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_9, 0, 0, 0);
    loop = (int) b->n;
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_9, 0, 0, htonl(1));
    sup_bpf_return(b, 0);

    b->insns[mapped].off = (int16_t) ((int) b->n - mapped - 1);
    sup_own_listens(b, j, BPF_REG_9);

    b->insns[any].off = (int16_t) ((int) b->n - any - 1);
    b->insns[loop].off = (int16_t) ((int) b->n - loop - 1);
}


/*
 * TCP to a port of all addresses, or of loopback, is TCP to that port of the
 * own address: so a program listens where it does everywhere, and is in reach
 * of its environment only.
 */

void
sup_bpf_own_bind(sup_bpf_t *b, unsigned v6)
{
    sup_jumps_t  j;

    j.n = 0;
    sup_bpf_own_address(b);
    sup_own_unless(b, &j, BPF_REG_3, SUP_TCP);
    sup_bpf_load(b, BPF_REG_3, offsetof(struct bpf_sock_addr, type));
    sup_own_unless(b, &j, BPF_REG_3, SOCK_STREAM);

    if (v6) {
        sup_own_listens6(b, &j);

        sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_K, BPF_REG_5, 0, 0, 0);
        sup_own_store(b, BPF_REG_5, offsetof(struct bpf_sock_addr, user_ip6));
        sup_own_store(b, BPF_REG_5,
                      offsetof(struct bpf_sock_addr, user_ip6) + 4);
        sup_bpf_add(b, BPF_ALU|BPF_MOV|BPF_K, BPF_REG_5, 0, 0,
                    htonl(0xffff));
        sup_own_store(b, BPF_REG_5,
                      offsetof(struct bpf_sock_addr, user_ip6) + 8);
        sup_own_store(b, BPF_REG_4,
                      offsetof(struct bpf_sock_addr, user_ip6) + 12);

    } else {
        sup_bpf_load(b, BPF_REG_7, offsetof(struct bpf_sock_addr, user_ip4));
        sup_own_listens(b, &j, BPF_REG_7);
        sup_own_store(b, BPF_REG_4, offsetof(struct bpf_sock_addr, user_ip4));
    }

    sup_bpf_return(b, 1);

    sup_own_end(b, &j);
}


/*
 * Returns whether the socket of the addresses on the stack is of the same
 * control group as the one the program runs for; VALUE if there is none.
 */

static void
sup_own_verdict(sup_bpf_t *b, uint32_t value)
{
    sup_own_move(b, BPF_REG_1, BPF_REG_6);
    sup_own_move(b, BPF_REG_2, BPF_REG_10);
    sup_bpf_add(b, BPF_ALU64|BPF_ADD|BPF_K, BPF_REG_2, 0, 0,
                (uint32_t) SUP_TUPLE);
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_K, BPF_REG_3, 0, 0, SUP_TUPLE_LEN);
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_K, BPF_REG_4, 0, 0,
                (uint32_t) BPF_F_CURRENT_NETNS);
    sup_bpf_add(b, BPF_ALU64|BPF_MOV|BPF_K, BPF_REG_5, 0, 0, 0);
    sup_own_call(b, BPF_FUNC_sk_lookup_tcp);

    sup_bpf_add(b, BPF_JMP|BPF_JNE|BPF_K, BPF_REG_0, 0, 2, 0);
    sup_bpf_return(b, value);

    sup_own_move(b, BPF_REG_7, BPF_REG_0);
    sup_own_move(b, BPF_REG_1, BPF_REG_0);
    sup_own_call(b, BPF_FUNC_sk_cgroup_id);
    sup_own_move(b, BPF_REG_8, BPF_REG_0);
    sup_own_move(b, BPF_REG_1, BPF_REG_7);
    sup_own_call(b, BPF_FUNC_sk_release);
    sup_own_move(b, BPF_REG_1, BPF_REG_6);
    sup_own_call(b, BPF_FUNC_skb_cgroup_id);

    sup_bpf_add(b, BPF_JMP|BPF_JNE|BPF_X, BPF_REG_0, BPF_REG_8, 2, 0);
    sup_bpf_return(b, 1);
    sup_bpf_return(b, 0);
}


static void
sup_own_word(sup_bpf_t *b, unsigned reg, int at)
{
    sup_bpf_add(b, BPF_LDX|BPF_MEM|BPF_W, reg, BPF_REG_10, at, 0);
}


/* Of the address that is at AT of the stack, in REG, what tells ours apart. */

static void
sup_own_net(sup_bpf_t *b, unsigned reg, int at)
{
    sup_own_word(b, reg, at);
    sup_bpf_add(b, BPF_ALU|BPF_AND|BPF_K, reg, 0, 0, htonl(FAAS_OWN_MASK));
}


/* A packet by the loopback interface; its header has no options. */

static void
sup_own_tcp(sup_bpf_t *b, sup_jumps_t *j)
{
    sup_bpf_add(b, BPF_LDX|BPF_MEM|BPF_W, BPF_REG_0, BPF_REG_6,
                offsetof(struct __sk_buff, ifindex), 0);
    sup_own_unless(b, j, BPF_REG_0, SUP_LOOPBACK);
    sup_bpf_byte(b, 9);
    sup_own_unless(b, j, BPF_REG_0, SUP_TCP);
}


/* r0: SUP_TCP_SYN if the packet is to open a connection */

static void
sup_own_flags(sup_bpf_t *b)
{
    sup_bpf_byte(b, 20 + 13);
    sup_bpf_add(b, BPF_ALU|BPF_AND|BPF_K, BPF_REG_0, 0, 0,
                SUP_TCP_SYN|SUP_TCP_ACK);
}


void
sup_bpf_own_egress(sup_bpf_t *b)
{
    int          syn;
    sup_jumps_t  j;

    j.n = 0;
    sup_own_tcp(b, &j);

    /* both addresses, both ports: as a look-up of the other end takes them */

    sup_bpf_bytes(b, 12, SUP_TUPLE, SUP_TUPLE_LEN);
    sup_own_net(b, BPF_REG_7, SUP_TUPLE);
    sup_own_net(b, BPF_REG_8, SUP_TUPLE + 4);

    sup_own_flags(b);
    syn = (int) b->n;
    sup_bpf_add(b, BPF_JMP32|BPF_JEQ|BPF_K, BPF_REG_0, 0, 0, SUP_TCP_SYN);

    /* a connection there is has passed the below */

    sup_bpf_unless(b, BPF_REG_8, htonl(FAAS_OWN_NET), 2);
    sup_bpf_return(b, 1);
    sup_own_unless(b, &j, BPF_REG_7, htonl(FAAS_OWN_NET));
    sup_bpf_return(b, 1);

    b->insns[syn].off = (int16_t) ((int) b->n - syn - 1);
    sup_own_unless(b, &j, BPF_REG_8, htonl(FAAS_OWN_NET));

    /* nobody there: it is told so, rather than left waiting */

    sup_own_verdict(b, 1);

    sup_own_end(b, &j);
}


/* The other end is where the packet comes from; r7 is the header's length. */

void
sup_bpf_own_ingress(sup_bpf_t *b)
{
    sup_jumps_t  j;

    j.n = 0;
    sup_own_unless(b, &j, BPF_REG_7, 20);
    sup_own_tcp(b, &j);
    sup_own_flags(b);
    sup_own_unless(b, &j, BPF_REG_0, SUP_TCP_SYN);

    sup_bpf_bytes(b, 12, SUP_TUPLE, SUP_TUPLE_LEN);
    sup_own_net(b, BPF_REG_8, SUP_TUPLE + 4);
    sup_own_unless(b, &j, BPF_REG_8, htonl(FAAS_OWN_NET));

    sup_own_word(b, BPF_REG_1, SUP_TUPLE);
    sup_own_word(b, BPF_REG_2, SUP_TUPLE + 4);
    sup_bpf_add(b, BPF_STX|BPF_MEM|BPF_W, BPF_REG_10, BPF_REG_2, SUP_TUPLE,
                0);
    sup_bpf_add(b, BPF_STX|BPF_MEM|BPF_W, BPF_REG_10, BPF_REG_1,
                SUP_TUPLE + 4, 0);

    sup_bpf_add(b, BPF_LDX|BPF_MEM|BPF_H, BPF_REG_1, BPF_REG_10,
                SUP_TUPLE + 8, 0);
    sup_bpf_add(b, BPF_LDX|BPF_MEM|BPF_H, BPF_REG_2, BPF_REG_10,
                SUP_TUPLE + 10, 0);
    sup_bpf_add(b, BPF_STX|BPF_MEM|BPF_H, BPF_REG_10, BPF_REG_2,
                SUP_TUPLE + 8, 0);
    sup_bpf_add(b, BPF_STX|BPF_MEM|BPF_H, BPF_REG_10, BPF_REG_1,
                SUP_TUPLE + 10, 0);

    sup_own_verdict(b, 0);

    sup_own_end(b, &j);
}

/*
 * Writing programs for the kernel, an instruction at a time.  Shared by the
 * files that do; no state.
 */

#ifndef _SUP_BPF_H_INCLUDED_
#define _SUP_BPF_H_INCLUDED_


#include <linux/bpf.h>

#include "sup_network.h"


#define SUP_BPF_MAX   8192
#define SUP_LOOPBACK  1              /* the interface's number, always */

#define SUP_TCP       6
#define SUP_UDP       17
#define SUP_ICMP6     58
#define SUP_TCP_SYN   0x02
#define SUP_TCP_ACK   0x10


typedef struct {
    struct bpf_insn  insns[SUP_BPF_MAX];
    unsigned         n;
} sup_bpf_t;


/* sup_bpf.c */
void sup_bpf_add(sup_bpf_t *b, u_char code, unsigned dst, unsigned src,
    int off, uint32_t imm);
void sup_bpf_return(sup_bpf_t *b, uint32_t value);
void sup_bpf_load(sup_bpf_t *b, unsigned reg, size_t offset);
void sup_bpf_unless(sup_bpf_t *b, unsigned reg, uint32_t value, int skip);
void sup_bpf_bytes(sup_bpf_t *b, int offset, int stack, uint32_t len);
void sup_bpf_byte(sup_bpf_t *b, int offset);

/*
 * sup_bpf_own.c.  The first two are of a connect: before the address is
 * loaded, and with an IPv4 address in REG.  The third is of a bind to a port.
 * The others are of an IPv4 packet, r6 is its context.  All fall through when
 * it is none of their business.
 */
void sup_bpf_own_address(sup_bpf_t *b);
void sup_bpf_own_connect(sup_bpf_t *b, unsigned reg);
void sup_bpf_own_bind(sup_bpf_t *b, unsigned v6);
void sup_bpf_own_egress(sup_bpf_t *b);
void sup_bpf_own_ingress(sup_bpf_t *b);


#endif /* _SUP_BPF_H_INCLUDED_ */

/*
 * Network policies: what an environment may talk to, and the programs in the
 * kernel that see to it.
 */

#ifndef _SUP_NETWORK_H_INCLUDED_
#define _SUP_NETWORK_H_INCLUDED_


#include "sup.h"


#define SUP_POLICY_MAX  512
#define SUP_PORTS_MAX   64


typedef struct {
    u_char                net[16];        /* network order, masked */
    u_char                mask[16];
    uint16_t              port;           /* 0: any */
    unsigned              v6:1;
    unsigned              allow:1;
} sup_address_t;


typedef struct {
    unsigned              first;
    unsigned              last;
} sup_ports_t;


typedef struct {
    sup_address_t         rules[SUP_POLICY_MAX];
    unsigned              n;
    unsigned              full;           /* some did not fit */
    unsigned              port_first;     /* to be listened on: those that */
    unsigned              port_last;      /* the system gives by itself */
    sup_ports_t           reserved[SUP_PORTS_MAX];   /* but not these */
    unsigned              n_reserved;
} sup_policy_t;


/* sup_policy.c */
int sup_policy_parse(const char *text, int port, sup_address_t *a);
void sup_policy_make(sup_policy_t *p);

/*
 * sup_bpf.c.  Makes all processes of the version 2 group at PATH, and of
 * those below it, follow the policy, in place of an earlier one.  SUP_ERROR
 * with errno and the step that failed.
 */
int sup_bpf_attach(const char *path, const sup_policy_t *p,
    const char **step);


#endif /* _SUP_NETWORK_H_INCLUDED_ */

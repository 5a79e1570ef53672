/*
 * A case of escape.c: what came of it, -1 with errno if it was refused.
 */

#ifndef _ESCAPE_H_INCLUDED_
#define _ESCAPE_H_INCLUDED_


typedef long (*case_pt)(const char *arg);


/* escape_net.c; the argument is an address */
long t_connect(const char *arg);
long t_connect_udp(const char *arg);
long t_sendto(const char *arg);
long t_bind_tcp(const char *arg);
long t_bind_udp(const char *arg);
long t_listen(const char *arg);
long t_abstract_connect(const char *arg);
long t_abstract_listen(const char *arg);
long t_unix_connect(const char *arg);


#endif /* _ESCAPE_H_INCLUDED_ */

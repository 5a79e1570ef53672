/*
 * Who an environment with "network egress" may talk to: the addresses that
 * are denied to all, those that the configuration adds or excepts, and the
 * host's name servers.
 *
 * Runs in the supervisor when a configuration is applied.
 */

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sup_network.h"


/*
 * This host by its unspecified, loopback and link-local addresses, and by what
 * is for all: multicast and broadcast come back to whoever listens here.  Then
 * the services that tell machines of a cloud their secrets at other addresses
 * than link-local ones: of Alibaba, Azure, Oracle, Amazon, Google, Scaleway.
 */

static const char *const  sup_policy_always[] = {
    "0.0.0.0/8", "127.0.0.0/8", "169.254.0.0/16", "::/96", "fe80::/10",
    "224.0.0.0/4", "255.255.255.255/32", "ff00::/8",
    "100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32",
    "fd00:ec2::/32", "fd20:ce::254/128", "fd00:42::42/128", NULL
};


static void
sup_policy_mask(sup_address_t *a, unsigned bits)
{
    unsigned  i;

    memset(a->mask, 0, sizeof(a->mask));

    for (i = 0; i < bits; i++) {
        a->mask[i / 8] |= 0x80 >> (i % 8);
    }

    for (i = 0; i < sizeof(a->mask); i++) {
        a->net[i] &= a->mask[i];
    }
}


/* Cuts the port off TEXT; the address that is left, or NULL. */

static char *
sup_policy_port(char *text, sup_address_t *a)
{
    char           *p, *end;
    unsigned long   n;

    p = text;

    if (text[0] == '[' && (end = strchr(text, ']')) != NULL && end[1] == ':')
    {
        *end++ = '\0';
        p = text + 1;

    } else {
        end = strchr(text, ':');

        if (end == NULL || strchr(end + 1, ':') != NULL) {
            return p;                    /* none, or IPv6 */
        }
    }

    *end++ = '\0';
    n = strtoul(end, &end, 10);

    if (*end != '\0' || n == 0 || n > 65535) {
        return NULL;
    }

    a->port = (uint16_t) n;

    return p;
}


/* "10.0.0.0/8", "fd00::/8", "10.0.0.5", with PORT also "10.0.0.5:5432" and
   "[fd00::5]:5432" */

int
sup_policy_parse(const char *text, int port, sup_address_t *a)
{
    char           buf[128], *p, *end;
    unsigned long  n, bits;

    memset(a, 0, sizeof(sup_address_t));

    if (strlen(text) >= sizeof(buf)) {
        return SUP_ERROR;
    }

    (void) strcpy(buf, text);
    p = port ? sup_policy_port(buf, a) : buf;

    if (p == NULL) {
        return SUP_ERROR;
    }

    end = strchr(p, '/');

    if (end != NULL) {
        *end++ = '\0';
    }

    a->v6 = strchr(p, ':') != NULL;
    bits = a->v6 ? 128 : 32;

    if (inet_pton(a->v6 ? AF_INET6 : AF_INET, p, a->net) != 1) {
        return SUP_ERROR;
    }

    if (end != NULL) {

        if (!isdigit((u_char) *end)) {
            return SUP_ERROR;
        }

        n = strtoul(end, &end, 10);

        if (*end != '\0' || n > bits) {
            return SUP_ERROR;
        }

        bits = n;
    }

    sup_policy_mask(a, (unsigned) bits);

    return SUP_OK;
}


static void
sup_policy_add(sup_policy_t *p, const sup_address_t *a, int allow)
{
    sup_address_t  *to;

    if (p->n == SUP_POLICY_MAX) {
        p->full = 1;
        return;
    }

    to = &p->rules[p->n++];
    *to = *a;
    to->allow = allow;
}


static void
sup_policy_list(sup_policy_t *p, const char *key, int allow)
{
    size_t          i;
    json_t         *item;
    sup_address_t   a;

    json_array_foreach(json_object_get(sup.manifest, key), i, item) {
        if (json_is_string(item)
            && sup_policy_parse(json_string_value(item), allow, &a) == SUP_OK)
        {
            sup_policy_add(p, &a, allow);
        }
    }
}


/* Names are resolved by whom the host asks, wherever that is. */

static void
sup_policy_resolvers(sup_policy_t *p)
{
    FILE           *f;
    char            line[512], where[128];
    sup_address_t   a;

    f = fopen("/etc/resolv.conf", "re");

    if (f == NULL) {
        return;
    }

    while (fgets(line, sizeof(line), f) != NULL) {
        if (sscanf(line, " nameserver %127[0-9a-fA-F.:]", where) == 1
            && sup_policy_parse(where, 0, &a) == SUP_OK)
        {
            a.port = 53;
            sup_policy_add(p, &a, 1);
        }
    }

    (void) fclose(f);
}


/*
 * Whoever talks to an address of this host does so by its loopback interface,
 * past the rules of its firewall for the outside.
 */

static void
sup_policy_own(sup_policy_t *p)
{
    sup_address_t         a;
    struct ifaddrs       *list, *ifa;
    struct sockaddr_in   *sin;
    struct sockaddr_in6  *sin6;

    if (getifaddrs(&list) == -1) {
        return;
    }

    for (ifa = list; ifa != NULL; ifa = ifa->ifa_next) {
        memset(&a, 0, sizeof(a));

        if (ifa->ifa_addr == NULL || (ifa->ifa_flags & IFF_LOOPBACK)) {
            continue;
        }

        if (ifa->ifa_addr->sa_family == AF_INET) {
            sin = (struct sockaddr_in *) ifa->ifa_addr;
            memcpy(a.net, &sin->sin_addr, 4);
            sup_policy_mask(&a, 32);
            sup_policy_add(p, &a, 0);

            if ((ifa->ifa_flags & IFF_BROADCAST)
                && ifa->ifa_broadaddr != NULL)
            {
                sin = (struct sockaddr_in *) ifa->ifa_broadaddr;
                memcpy(a.net, &sin->sin_addr, 4);
                sup_policy_add(p, &a, 0);
            }

        } else if (ifa->ifa_addr->sa_family == AF_INET6) {
            sin6 = (struct sockaddr_in6 *) ifa->ifa_addr;
            memcpy(a.net, &sin6->sin6_addr, 16);
            a.v6 = 1;
            sup_policy_mask(&a, 128);
            sup_policy_add(p, &a, 0);
        }
    }

    freeifaddrs(list);
}


/*
 * "FIRST[-LAST],...", ascending: ports within the range that services of the
 * host are to have.  Of a list that is too long, nothing behind is given away.
 */

static void
sup_policy_reserved(sup_policy_t *p)
{
    int           ch;
    FILE         *f;
    sup_ports_t   r;

    p->n_reserved = 0;
    f = fopen("/proc/sys/net/ipv4/ip_local_reserved_ports", "re");

    if (f == NULL) {
        return;
    }

    while (fscanf(f, "%u", &r.first) == 1) {
        r.last = r.first;
        ch = getc(f);

        if (ch == '-') {
            ch = fscanf(f, "%u", &r.last) == 1 ? getc(f) : EOF;
        }

        if (r.last >= p->port_first && r.first <= p->port_last) {

            if (p->n_reserved == SUP_PORTS_MAX) {
                p->port_last = r.first - 1;
                break;
            }

            p->reserved[p->n_reserved++] = r;
        }

        if (ch != ',') {
            break;
        }
    }

    (void) fclose(f);
}


/*
 * Ports that sockets get by themselves can be taken by whoever opens enough of
 * them.  The others belong to the host's services, which could not start again
 * if an environment listened there.
 */

static void
sup_policy_ports(sup_policy_t *p)
{
    FILE  *f;

    f = fopen("/proc/sys/net/ipv4/ip_local_port_range", "re");

    if (f == NULL || fscanf(f, "%u %u", &p->port_first, &p->port_last) != 2
        || p->port_last > 65535)
    {
        p->port_first = 32768;
        p->port_last = 60999;
    }

    if (f != NULL) {
        (void) fclose(f);
    }

    sup_policy_reserved(p);
}


/* In the order in which they are looked at: the first that fits decides. */

void
sup_policy_make(sup_policy_t *p)
{
    sup_address_t       a;
    const char *const  *text;

    memset(p, 0, sizeof(sup_policy_t));

    sup_policy_list(p, "network_allow", 1);
    sup_policy_resolvers(p);

    for (text = sup_policy_always; *text != NULL; text++) {
        if (sup_policy_parse(*text, 0, &a) == SUP_OK) {
            sup_policy_add(p, &a, 0);
        }
    }

    sup_policy_list(p, "network_deny", 0);
    sup_policy_own(p);
    sup_policy_ports(p);
}

/*
 * The names in an archive, see sup_names.h: a hash table, seeded, because who
 * made the archive has chosen them.
 *
 * Runs in the process that reads the archive, which has no privileges.
 */

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <wchar.h>
#include <wctype.h>

#include "sup_names.h"
#include "sup_zip.h"


#define SUP_NAMES_TABLE   524288         /* a power of 2 above the names */


typedef enum {
    SUP_NAME_IMPLIED = 1,                /* a folder, by what is in it */
    SUP_NAME_FOLDER,
    SUP_NAME_FILE
} sup_name_e;


struct sup_name_s {
    char         *text;                  /* as it is, */
    char         *folded;                /* and in one case */
    sup_name_e    kind;
};


const char *
sup_names_clean(char *name, const char *raw)
{
    int          depth;
    size_t       n, len;
    const char  *p;

    len = 0;
    depth = 0;

    for (p = raw; *p != '\0'; p += n + (p[n] == '/')) {
        n = strcspn(p, "/");

        if (n == 0 || (n == 1 && p[0] == '.')) {
            continue;
        }

        if (n == 2 && p[0] == '.' && p[1] == '.') {
            return "its name has \"..\"";
        }

        if (len + n + 2 > SUP_ZIP_NAME_MAX || ++depth > SUP_ZIP_DEPTH) {
            return "its name is too long or too deep";
        }

        if (len) {
            name[len++] = '/';
        }

        memcpy(name + len, p, n);
        len += n;
    }

    name[len] = '\0';

    return NULL;
}


int
sup_names_init(sup_names_t *names)
{
    memset(names, 0, sizeof(sup_names_t));
    names->table = calloc(SUP_NAMES_TABLE, sizeof(sup_name_t));

    return names->table != NULL
           && getrandom(&names->seed, sizeof(names->seed), GRND_NONBLOCK)
              == (ssize_t) sizeof(names->seed)
           ? 0 : -1;
}


void
sup_names_free(sup_names_t *names)
{
    uint32_t  i;

    for (i = 0; i < SUP_NAMES_TABLE; i++) {
        free(names->table[i].text);
        free(names->table[i].folded);
    }

    free(names->table);
}


/* What is no UTF-8 stays as it is.  A letter may become a longer one. */

static char *
sup_name_fold(const char *text, size_t len)
{
    char       *folded, *p;
    size_t      n, out;
    wchar_t     wc;
    mbstate_t   in, to;

    folded = malloc(len * MB_CUR_MAX + 1);

    if (folded == NULL) {
        return NULL;
    }

    memset(&in, 0, sizeof(in));
    p = folded;

    while (len > 0) {
        n = mbrtowc(&wc, text, len, &in);

        if (n == 0 || n > len) {
            memset(&in, 0, sizeof(in));
            n = 1;
            *p++ = *text;

        } else {
            memset(&to, 0, sizeof(to));
            out = wcrtomb(p, (wchar_t) towlower((wint_t) wc), &to);
            p += out != (size_t) -1 ? out : 0;
        }

        text += n;
        len -= n;
    }

    *p = '\0';

    return folded;
}


static sup_name_t *
sup_name_find(sup_names_t *names, const char *folded)
{
    size_t       i;
    uint64_t     h;
    sup_name_t  *n;

    h = names->seed;

    for (i = 0; folded[i] != '\0'; i++) {
        h = (h ^ (u_char) folded[i]) * 0x100000001b3ULL;
    }

    for (i = h ^ (h >> 29); /* void */ ; i++) {
        n = &names->table[i & (SUP_NAMES_TABLE - 1)];

        if (n->text == NULL || strcmp(n->folded, folded) == 0) {
            return n;
        }
    }
}


static const char *
sup_name_add(sup_names_t *names, const char *text, size_t len,
    sup_name_e kind)
{
    char        *folded;
    sup_name_t  *n;

    folded = sup_name_fold(text, len);

    if (folded == NULL) {
        return "out of memory";
    }

    n = sup_name_find(names, folded);

    if (n->text == NULL) {

        if (++names->n > SUP_ZIP_NAMES) {
            free(folded);
            return "too many folders";
        }

        n->text = strndup(text, len);
        n->folded = folded;
        n->kind = kind;

        return n->text != NULL ? NULL : "out of memory";
    }

    free(folded);

    if (strncmp(n->text, text, len) != 0 || n->text[len] != '\0') {
        return "another one differs in nothing but case";
    }

    if (kind == SUP_NAME_IMPLIED) {
        return n->kind == SUP_NAME_FILE ? "a file is used as a folder" : NULL;
    }

    if (n->kind == SUP_NAME_IMPLIED && kind == SUP_NAME_FOLDER) {
        n->kind = kind;
        return NULL;
    }

    return n->kind == kind ? "its name is in the archive twice"
                           : "a folder and a file have the same name";
}


const char *
sup_names_unique(sup_names_t *names, const char *name, int folder)
{
    const char  *p, *why;

    for (p = strchr(name, '/'); p != NULL; p = strchr(p + 1, '/')) {
        why = sup_name_add(names, name, p - name, SUP_NAME_IMPLIED);

        if (why != NULL) {
            return why;
        }
    }

    return sup_name_add(names, name, strlen(name),
                        folder ? SUP_NAME_FOLDER : SUP_NAME_FILE);
}

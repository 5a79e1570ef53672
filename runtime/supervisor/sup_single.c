/*
 * Code that is one file and no archive, or text of the configuration: the only
 * file in a folder of the store, by its own name.
 *
 * In the unpacker, see sup_unpack.c, where nothing of the file is believed;
 * sup_inline_id() in the supervisor.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sup_zip.h"


#define SUP_ZIP_END      22                /* the record at its end, */
#define SUP_ZIP_TAIL     (SUP_ZIP_END + 65535)    /* and a comment */


/* It may be damaged, and is an archive for all that. */

static int
sup_single_named_zip(const char *name)
{
    size_t  len;

    len = strlen(name);

    return len > 4 && (strcasecmp(name + len - 4, ".zip") == 0
                       || strcasecmp(name + len - 4, ".jar") == 0);
}


/* As ngx_http_faas_check_parts.c has it. */

int
sup_single_is(int fd, const char *name)
{
    int          zip;
    char        *tail, *p;
    off_t        at;
    ssize_t      n;
    struct stat  st;

    if (sup_single_named_zip(name) || fstat(fd, &st) == -1) {
        return 0;
    }

    tail = malloc(SUP_ZIP_TAIL);

    if (tail == NULL) {
        return 0;
    }

    zip = pread(fd, tail, 4, 0) == 4 && memcmp(tail, "PK\3\4", 4) == 0;

    at = st.st_size > SUP_ZIP_TAIL ? st.st_size - SUP_ZIP_TAIL : 0;
    n = pread(fd, tail, SUP_ZIP_TAIL, at);

    for (p = tail + n - SUP_ZIP_END; !zip && p >= tail; p--) {
        zip = memcmp(p, "PK\5\6", 4) == 0;
    }

    free(tail);

    return !zip;
}


/* SHA is the text's and becomes the file's: by another name it is another. */

static int
sup_single_digest(const char *name, int program, char *sha)
{
    char         text[SUP_DIGEST_LEN + 1];
    EVP_MD_CTX  *md;

    md = EVP_MD_CTX_new();

    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(md);
        return -1;
    }

    (void) EVP_DigestUpdate(md, "file", sizeof("file"));
    (void) EVP_DigestUpdate(md, name, strlen(name) + 1);
    (void) EVP_DigestUpdate(md, program ? "x" : "-", 1);
    (void) EVP_DigestUpdate(md, sha, SUP_DIGEST_LEN);
    sup_hex(md, text);
    EVP_MD_CTX_free(md);

    (void) memcpy(sha, text, sizeof(text));

    return 0;
}


/* Of code in the configuration; in the supervisor, it is a few lines. */

int
sup_inline_id(const sup_version_t *v, char *id)
{
    EVP_MD_CTX  *md;

    id[0] = '\0';
    md = EVP_MD_CTX_new();

    if (md == NULL || EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(md);
        return -1;
    }

    (void) EVP_DigestUpdate(md, v->text, strlen(v->text));
    sup_hex(md, id);
    EVP_MD_CTX_free(md);

    return sup_single_digest(v->code, v->kind == SUP_RT_PROVIDED, id);
}


/*
 * In the new process, before it becomes the unpacker: the file that it opens.
 * -1 if there is none.
 */

int
sup_inline_file(const sup_version_t *v)
{
    int      fd;
    ssize_t  len;

    fd = memfd_create(v->code, 0);
    len = (ssize_t) strlen(v->text);

    if (fd == -1 || write(fd, v->text, len) != len
        || fchmod(fd, v->kind == SUP_RT_PROVIDED ? 0755 : 0644) == -1)
    {
        return -1;
    }

    return fd;
}


/*
 * Who may write to the folder may have put a link to anything there: what the
 * function could not read where it is it does not get.
 */

int
sup_single_id(int fd, const char *name, char *sha)
{
    struct stat  st;

    if (fstat(fd, &st) == -1) {
        return sup_zip_say("cannot be opened:", strerror(errno));
    }

    if (geteuid() == 0 && (st.st_mode & 0004) == 0) {
        return sup_zip_say("is not readable for the user of the environment: "
                           "it lacks r for others", NULL);
    }

    return sup_single_digest(name, st.st_mode & 0111, sha) == 0
           ? 0 : sup_zip_say("out of memory", NULL);
}


int
sup_single_copy(int fd, int dir, const char *name)
{
    int          out;
    off_t        at;
    ssize_t      n;
    struct stat  st;

    static char  buf[131072];

    out = openat(dir, name, O_WRONLY|O_CREAT|O_EXCL|O_CLOEXEC, 0600);

    if (out == -1 || fstat(fd, &st) == -1) {
        return sup_zip_say("cannot be unpacked:", strerror(errno));
    }

    for (at = 0; (n = pread(fd, buf, sizeof(buf), at)) > 0; at += n) {

        if (at + n > SUP_ZIP_MAX) {
            return sup_zip_say("has changed while it was unpacked", NULL);
        }

        if (write(out, buf, n) != n) {
            return sup_zip_say("cannot be unpacked:",
                               strerror(errno ? errno : ENOSPC));
        }
    }

    if (n == -1 || fchmod(out, st.st_mode & 0111 ? 0755 : 0644) == -1
        || close(out) == -1)
    {
        return sup_zip_say("cannot be unpacked:", strerror(errno));
    }

    return 0;
}

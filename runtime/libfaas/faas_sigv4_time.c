/*
 * Points in time as signed requests write them.  The C library's functions
 * take the lock of its time zones, hence these.  Runs in nginx workers and in
 * tests; takes no locks.
 */

#include <stdio.h>
#include <string.h>

#include "faas_sigv4_core.h"


#define FAAS_SIGV4_DAY     86400
#define FAAS_SIGV4_YEAR_9  253402300799       /* 9999-12-31T23:59:59Z */


static int faas_sigv4_time_number(const unsigned char *p, size_t n);
static int faas_sigv4_time_make(const int *f, int64_t *t);


/* year, month, day, hour, minute, second */

#define FAAS_SIGV4_FIELDS  6


int
faas_sigv4_time_iso(const faas_sigv4_str_t *s, int64_t *t)
{
    int                   f[FAAS_SIGV4_FIELDS];
    const unsigned char  *p;

    p = s->data;

    if (s->len != FAAS_SIGV4_TIME_LEN || p[8] != 'T' || p[15] != 'Z') {
        return -1;
    }

    f[0] = faas_sigv4_time_number(p, 4);
    f[1] = faas_sigv4_time_number(p + 4, 2);
    f[2] = faas_sigv4_time_number(p + 6, 2);
    f[3] = faas_sigv4_time_number(p + 9, 2);
    f[4] = faas_sigv4_time_number(p + 11, 2);
    f[5] = faas_sigv4_time_number(p + 13, 2);

    return faas_sigv4_time_make(f, t);
}


int
faas_sigv4_time_http(const faas_sigv4_str_t *s, int64_t *t)
{
    int                   f[FAAS_SIGV4_FIELDS];
    unsigned              i;
    const unsigned char  *p;
    faas_sigv4_str_t      zone;

    static const char  months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    static const char  form[] = "aaa, 00 aaa 0000 00:00:00 ";

    p = s->data;

    if (s->len < sizeof(form) - 1) {
        return -1;
    }

    /* names and numbers are looked at below */

    for (i = 0; i < sizeof(form) - 1; i++) {

        if (form[i] != 'a' && form[i] != '0' && p[i] != form[i]) {
            return -1;
        }
    }

    zone.data = p + i;
    zone.len = s->len - i;

    /* the last two are what Python writes */

    if (!faas_sigv4_eq(&zone, "GMT") && !faas_sigv4_eq(&zone, "UTC")
        && !faas_sigv4_eq(&zone, "-0000") && !faas_sigv4_eq(&zone, "+0000"))
    {
        return -1;
    }

    f[1] = 0;

    for (i = 0; i < 12; i++) {

        if (memcmp(p + 8, months + i * 3, 3) == 0) {
            f[1] = (int) i + 1;
        }
    }

    f[0] = faas_sigv4_time_number(p + 12, 4);
    f[2] = faas_sigv4_time_number(p + 5, 2);
    f[3] = faas_sigv4_time_number(p + 17, 2);
    f[4] = faas_sigv4_time_number(p + 20, 2);
    f[5] = faas_sigv4_time_number(p + 23, 2);

    return faas_sigv4_time_make(f, t);
}


void
faas_sigv4_time_text(char *buf, int64_t t)
{
    char      text[80];
    int64_t   era, days, secs;
    unsigned  day, year, month;

    if (t < 0) {
        t = 0;
    }

    if (t > FAAS_SIGV4_YEAR_9) {
        t = FAAS_SIGV4_YEAR_9;
    }

    /* years begin in March here, so that a leap day is the last of one */

    days = t / FAAS_SIGV4_DAY + 719468;
    secs = t % FAAS_SIGV4_DAY;
    era = days / 146097;
    day = (unsigned) (days % 146097);
    year = (day - day / 1460 + day / 36524 - day / 146096) / 365;
    day -= 365 * year + year / 4 - year / 100;
    month = (5 * day + 2) / 153;
    day -= (153 * month + 2) / 5;
    month += (month < 10) ? 3 : -9;

    (void) snprintf(text, sizeof(text), "%04u%02u%02uT%02u%02u%02uZ",
                    year + (unsigned) era * 400 + (month <= 2), month,
                    day + 1, (unsigned) (secs / 3600),
                    (unsigned) (secs / 60 % 60), (unsigned) (secs % 60));

    memcpy(buf, text, FAAS_SIGV4_TIME_LEN);
    buf[FAAS_SIGV4_TIME_LEN] = '\0';
}


/* -1 if it is none. */

static int
faas_sigv4_time_number(const unsigned char *p, size_t n)
{
    int  value;

    value = 0;

    while (n--) {

        if (*p < '0' || *p > '9') {
            return -1;
        }

        value = value * 10 + (*p++ - '0');
    }

    return value;
}


static int
faas_sigv4_time_make(const int *f, int64_t *t)
{
    int      i, leap;
    int64_t  days, year;

    static const int  length[] = {
        31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31
    };

    static const int  before[] = {
        0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334
    };

    for (i = 0; i < FAAS_SIGV4_FIELDS; i++) {

        if (f[i] < 0) {
            return -1;
        }
    }

    if (f[0] < 1970 || f[1] < 1 || f[1] > 12 || f[2] < 1
        || f[2] > length[f[1] - 1] || f[3] > 23 || f[4] > 59 || f[5] > 59)
    {
        return -1;
    }

    leap = (f[0] % 4 == 0 && (f[0] % 100 != 0 || f[0] % 400 == 0));

    if (f[1] == 2 && f[2] == 29 && !leap) {
        return -1;
    }

    year = f[0] - 1;
    days = year * 365 + year / 4 - year / 100 + year / 400 - 719162;
    days += before[f[1] - 1] + (leap && f[1] > 2) + f[2] - 1;

    *t = ((days * 24 + f[3]) * 60 + f[4]) * 60 + f[5];

    return 0;
}

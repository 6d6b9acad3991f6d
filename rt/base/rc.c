#include "rt/base/rc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* What an analyser is told of them instead. */
#undef err_set
#undef err_sys
#undef err_add

enum { TEXT_SIZE = 1024 };

static _Thread_local char text[TEXT_SIZE];

enum rc err_set(enum rc code, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return code;
}

enum rc err_sys(const char *format, ...)
{
    char reason[128];
    const char *why = strerror_r(errno, reason, sizeof reason);
    va_list args;
    int used;

    va_start(args, format);
    used = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (used >= 0 && (size_t) used < sizeof text)
        snprintf(text + used, sizeof text - (size_t) used, ": %s", why);
    return RC_SYS;
}

enum rc err_add(enum rc code, const char *format, ...)
{
    char inner[TEXT_SIZE];
    va_list args;
    int used;

    memcpy(inner, text, sizeof inner);
    va_start(args, format);
    used = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (used >= 0 && (size_t) used < sizeof text)
        snprintf(text + used, sizeof text - (size_t) used, ": %s", inner);
    return code;
}

const char *err_text(void)
{
    return text;
}

const char *rc_name(enum rc code)
{
    static const char *const names[] = {"ok",    "system", "memory",  "input",   "range",
                                        "state", "denied", "numeric", "timeout", "gone"};
    unsigned index = (unsigned) -(int) code;

    return index < sizeof names / sizeof names[0] ? names[index] : "unknown";
}

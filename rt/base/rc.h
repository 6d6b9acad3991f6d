/* Result codes and the text that goes with a failure.
 *
 * Outside the loop: the function where something fails records the text once (err_set,
 * err_sys), callers add context in front (err_add), and one place reports err_text(). The text
 * is kept per thread. Inside the loop nothing here is called but the codes: a failure there is
 * a counter.
 */
#ifndef ORBIT_RT_BASE_RC_H
#define ORBIT_RT_BASE_RC_H

#include "rt/base/attr.h"

enum rc {
    RC_OK = 0,
    RC_SYS = -1,     /* a system call failed; the text carries strerror */
    RC_NOMEM = -2,   /* no memory */
    RC_INPUT = -3,   /* somebody else's data is wrong: file, message, PV */
    RC_RANGE = -4,   /* a value is outside its limits */
    RC_STATE = -5,   /* not now: the state does not allow it */
    RC_DENIED = -6,  /* not you: role, owner or credentials do not allow it */
    RC_NUMERIC = -7, /* no result: unstable optics, singular matrix, no convergence */
    RC_TIMEOUT = -8, /* it took too long */
    RC_GONE = -9     /* the peer closed the connection */
};

/* Records the text of a failure and returns `code`. */
MUST_USE enum rc err_set(enum rc code, const char *format, ...) PRINTF_LIKE(2, 3);

/* Like err_set with RC_SYS; appends ": " and the text of the present errno. */
MUST_USE enum rc err_sys(const char *format, ...) PRINTF_LIKE(1, 2);

/* Puts "context: " in front of the recorded text and returns `code` unchanged. */
MUST_USE enum rc err_add(enum rc code, const char *format, ...) PRINTF_LIKE(2, 3);

/* A static analyser sees no further than one file: it is told here that these return what they
 * are given, or else it follows paths on which a failure is a success. */
#ifdef __clang_analyzer__
#define err_set(code, ...) ((void) (err_set) ((code), __VA_ARGS__), (code))
#define err_sys(...)       ((void) (err_sys) (__VA_ARGS__), RC_SYS)
#define err_add(code, ...) ((void) (err_add) ((code), __VA_ARGS__), (code))
#endif

/* Text of this thread's last failure; never NULL. */
const char *err_text(void);

/* Short name of a code, e.g. "input"; never NULL. */
const char *rc_name(enum rc code);

#endif

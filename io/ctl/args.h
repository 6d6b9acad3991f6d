/* The words of a command line behind the command's name: options are taken out one by one, what
 * is left are operands. Options may stand anywhere, as "--name VALUE" or "--name=VALUE".
 */
#ifndef ORBIT_IO_CTL_ARGS_H
#define ORBIT_IO_CTL_ARGS_H

#include <stdbool.h>

#include "rt/base/rc.h"

struct args {
    int count;
    char **item; /* [count]; taken options are removed in place */
};

/* Takes the option out; true if it was there. */
bool args_take_flag(struct args *args, const char *name);

/* Takes "--name VALUE" out; *value stays as it was if the option is not there. RC_INPUT: no
 * value. */
MUST_USE enum rc args_take_text(struct args *args, const char *name, const char **value);

/* The same for a number within min..max. RC_INPUT: not a number; RC_RANGE: outside. */
MUST_USE enum rc args_take_number(struct args *args, const char *name, double min, double max,
                                  double *value);

/* Checks what is left: no unknown option, min..max operands (max < 0: any number). RC_INPUT. */
MUST_USE enum rc args_finish(const struct args *args, int min, int max);

#endif

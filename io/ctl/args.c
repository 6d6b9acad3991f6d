#include "io/ctl/args.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static void drop(struct args *args, int at, int n)
{
    for (int i = at; i + n < args->count; i++)
        args->item[i] = args->item[i + n];
    args->count -= n;
}

bool args_take_flag(struct args *args, const char *name)
{
    for (int i = 0; i < args->count; i++) {
        if (strcmp(args->item[i], name) == 0) {
            drop(args, i, 1);
            return true;
        }
    }
    return false;
}

enum rc args_take_text(struct args *args, const char *name, const char **value)
{
    size_t length = strlen(name);

    for (int i = 0; i < args->count; i++) {
        const char *item = args->item[i];

        if (strncmp(item, name, length) != 0 || (item[length] && item[length] != '='))
            continue;
        if (item[length] == '=') {
            *value = item + length + 1;
            drop(args, i, 1);
            return RC_OK;
        }
        if (i + 1 >= args->count)
            return err_set(RC_INPUT, "%s needs a value", name);
        *value = args->item[i + 1];
        drop(args, i, 2);
        return RC_OK;
    }
    return RC_OK;
}

enum rc args_take_number(struct args *args, const char *name, double min, double max,
                         double *value)
{
    const char *text = NULL;
    char *end;
    enum rc rc = args_take_text(args, name, &text);
    double number;

    if (rc != RC_OK || !text)
        return rc;
    number = strtod(text, &end);
    if (end == text || *end || !isfinite(number))
        return err_set(RC_INPUT, "%s %s: not a number", name, text);
    if (number < min || number > max)
        return err_set(RC_RANGE, "%s %s: outside %g to %g", name, text, min, max);
    *value = number;
    return RC_OK;
}

enum rc args_finish(const struct args *args, int min, int max)
{
    for (int i = 0; i < args->count; i++)
        if (args->item[i][0] == '-')
            return err_set(RC_INPUT, "unknown option %s", args->item[i]);
    if (args->count < min)
        return err_set(RC_INPUT, "an operand is missing");
    if (max >= 0 && args->count > max)
        return err_set(RC_INPUT, "one operand too many: %s", args->item[max]);
    return RC_OK;
}

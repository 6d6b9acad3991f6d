/* endpoints.json of an instance (cfg_endpoints_path()): where its programs serve.
 *
 *   { "orbit-epics": { "pid": 123, "ca_port": 40001, "pva_port": 40002 }, ... }
 *
 * Every program writes its own entry at start and takes it away at the end; changes are made
 * under a lock file and the file is replaced as a whole, so that readers see all of it or the
 * one before. An entry whose process is gone counts as absent. Any thread, any program.
 */
#ifndef ORBIT_IO_ENDPOINTS_H
#define ORBIT_IO_ENDPOINTS_H

#include <stdbool.h>
#include <stddef.h>

#include "rt/base/rc.h"

/* One number or, if text is not NULL, one text of an entry. */
struct endpoint_field {
    const char *name;
    long long number;
    const char *text;
};

/* Writes or replaces this process's entry `program`; "pid" is added. The folder must exist.
 * RC_SYS. */
MUST_USE enum rc endpoints_write(const char *endpoints_path, const char *program,
                                 const struct endpoint_field *field, size_t n_field);

/* Takes the entry away if it is this process's; silent if there is none. */
void endpoints_remove(const char *endpoints_path, const char *program);

/* Reads a number of a live entry. false: no file, no such entry or field, or its process is
 * gone. */
bool endpoints_number(const char *endpoints_path, const char *program, const char *name,
                      long long *value);

/* Reads a text of a live entry into text [size]. false as above. */
bool endpoints_text(const char *endpoints_path, const char *program, const char *name,
                    char *text, size_t size);

#endif

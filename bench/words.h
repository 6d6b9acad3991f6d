/* Lists of words on the command line, separated by commas. */
#ifndef ORBIT_BENCH_WORDS_H
#define ORBIT_BENCH_WORDS_H

#include <stdbool.h>

/* True if the list has at least one word and each is among the n known ones. */
bool words_known(const char *list, const char *const known[], int n);

bool words_have(const char *list, const char *word);

#endif

/* The row passes for any processor; on x86-64 that is SSE2. */
#define WIDE_B 16
#define KERNEL rows_table_portable
#define STORE  words_store
#include "rt/loop/rows_kernel.inc"

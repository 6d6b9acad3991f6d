/* Four-slot exchange of the newest value between one writer and one reader that never wait.
 *
 * H. R. Simpson, "Four-slot fully asynchronous communication mechanism", IEE Proceedings E 137
 * (1990) 17. Two pairs of two slots. The writer writes into the pair that the reader did not
 * announce, and there into the slot that is not the newest of that pair.
 *
 *                          write_begin..commit   read_begin..copying
 *   write_begin..commit            X                     -            X: one writer, one
 * reader; read_begin..copying            -                     X            -: in any
 * interleaving
 *
 * Why a value is never torn. Let the reader copy slot [p][i]: it loaded p from `latest`, stored
 * it to `reading`, then loaded i from slot[p]. Let a write use pair q = !reading, index
 * !slot[q].
 *  - If that write's load of `reading` follows the reader's store of p, then q = !p: another
 * pair.
 *  - Else the load precedes the store of p, and so the write began before the reader loaded i.
 * If q = p and slot[p] is stored (the write ends) before the reader's load of it, the reader
 * gets the index just completed, and the write touches it no more. If it is stored after, the
 * reader gets the old index i and the write is in !i. A second such write does not exist: the
 *    next one loads `reading` after its own earlier stores, hence after the reader's store of
 * p. "Precedes" and "follows" are the single order of the sequentially consistent accesses to
 * the four control words; with acquire and release alone, the writer's load of `reading` might
 * pass its own store of `latest`, and the first case would not hold.
 *
 * The slots' contents are ordered by the same accesses (seq_cst includes acquire and release).
 * New words reach the reader: they are stored before slot[p], which the reader's load of i
 * reads. A slot is reused only after its copy: to come back to pair p the writer must load !p
 * from `reading`, after p was announced, so it reads a later announcement, which the reader
 * made after the copy.
 *
 * Why it never goes back. `latest` and slot[] name only completed writes; the value read is the
 * newest one completed before the load of i, or that load's own, and later reads load later.
 *
 * The writer's process may die anywhere: the control words then still name the last complete
 * value, and a new writer goes on from them (there is no private state). Every index is masked
 * with 1, so that a hostile writer can spoil its values but cannot move the reader out of the
 * four slots.
 */
#ifndef ORBIT_RT_BASE_FOUR_SLOT_H
#define ORBIT_RT_BASE_FOUR_SLOT_H

#include <stdint.h>

#include "rt/base/attr.h"

/* In shared memory. Zero is a valid start: slot 0 is then the newest; its user says what empty
 * is. The reader's word has a cache line of its own: a cycle that finds nothing new costs no
 * writer. */
struct four_slot {
    uint64_t latest;  /* writer's: pair written last */
    uint64_t slot[2]; /* writer's: newest slot of each pair */
    uint64_t reserved0[5];
    uint64_t reading; /* reader's: pair announced */
    uint64_t reserved1[7];
};

/* Slot (0..3) that the writer may fill now. */
RT_SAFE static inline unsigned four_slot_write_begin(const struct four_slot *control)
{
    uint64_t pair = ~__atomic_load_n(&control->reading, __ATOMIC_SEQ_CST) & 1;
    uint64_t index = ~__atomic_load_n(&control->slot[pair], __ATOMIC_SEQ_CST) & 1;

    return (unsigned) (2 * pair + index);
}

/* Makes the filled slot the newest. Linearisation point of the write: the store of slot[]. */
RT_SAFE static inline void four_slot_write_commit(struct four_slot *control, unsigned slot)
{
    uint64_t pair = slot >> 1 & 1;

    __atomic_store_n(&control->slot[pair], slot & 1, __ATOMIC_SEQ_CST);
    __atomic_store_n(&control->latest, pair, __ATOMIC_SEQ_CST);
}

/* Slot (0..3) that the reader may copy until its next call. */
RT_SAFE static inline unsigned four_slot_read_begin(struct four_slot *control)
{
    uint64_t pair = __atomic_load_n(&control->latest, __ATOMIC_SEQ_CST) & 1;
    uint64_t index;

    __atomic_store_n(&control->reading, pair, __ATOMIC_SEQ_CST);
    index = __atomic_load_n(&control->slot[pair], __ATOMIC_SEQ_CST) & 1;
    return (unsigned) (2 * pair + index);
}

#endif

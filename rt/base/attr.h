/* Three words that prototypes carry: what a caller may rely on and where it may call from.
 *
 * RT_SAFE: bounded time, no allocation, no lock, no system call but the vDSO clock. Such
 * functions are placed in the section orbit_rt, so that a check on the objects can refuse
 * foreign symbols.
 */
#ifndef ORBIT_RT_BASE_ATTR_H
#define ORBIT_RT_BASE_ATTR_H

#define MUST_USE          __attribute__((warn_unused_result))
#define PRINTF_LIKE(f, a) __attribute__((format(printf, f, a)))
#define RT_SAFE           __attribute__((section("orbit_rt")))

#define CACHE_LINE 64

#endif

/* What every CMocka test includes first. */
#ifndef ORBIT_TESTS_SUPPORT_TEST_H
#define ORBIT_TESTS_SUPPORT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <math.h>

/* |got - want| <= abs + rel |want|; NaN fails. */
#define assert_close(got, want, rel, abs)                                                      \
    assert_close_at((got), (want), (rel), (abs), __FILE__, __LINE__)

static inline void assert_close_at(double got, double want, double rel, double abs,
                                   const char *file, int line)
{
    if (!(fabs(got - want) <= abs + rel * fabs(want))) {
        print_error("%s:%d: got %.17g, want %.17g (rel %g, abs %g)\n", file, line, got, want,
                    rel, abs);
        _fail(file, line);
    }
}

#endif

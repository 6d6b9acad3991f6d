/* Undoes the row macros after each #include "config/keys.def". No guard: meant to be included
 * often. */
#undef KEY_TOP_TEXT
#undef KEY_TEXT
#undef KEY_PATH
#undef KEY_INT
#undef KEY_REAL
#undef KEY_BOOL
#undef KEY_ENUM
#undef KEY_LIST

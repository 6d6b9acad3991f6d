/* Files in a folder of their own, for tests that load files. */
#ifndef ORBIT_TESTS_SUPPORT_TEMP_FILES_H
#define ORBIT_TESTS_SUPPORT_TEMP_FILES_H

/* Makes the folder, or takes it away with everything in it (cmocka setup and teardown). */
int temp_files_setup(void **state);
int temp_files_teardown(void **state);

const char *temp_files_folder(void);

/* Writes a file and returns its path, which stays valid for the next 16 calls. */
const char *temp_file(const char *name, const char *text);

/* Path of a file in the folder; valid as above. */
const char *temp_path(const char *name);

#endif

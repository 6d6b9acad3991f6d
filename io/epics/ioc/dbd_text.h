/* The expanded database definition, carried inside the program so that it runs from any folder.
 */
#ifndef ORBIT_IO_EPICS_IOC_DBD_TEXT_H
#define ORBIT_IO_EPICS_IOC_DBD_TEXT_H

extern const char ioc_dbd_text[];
extern const char ioc_dbd_end[];

#endif

/* ioc_dbd_text ... ioc_dbd_end: the file ORBIT_DBD_FILE, byte for byte. */
    .section .rodata
    .global ioc_dbd_text
    .global ioc_dbd_end
ioc_dbd_text:
    .incbin ORBIT_DBD_FILE
ioc_dbd_end:
    .byte 0
    .section .note.GNU-stack, "", %progbits

#include "model/import/report.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void import_report_add(struct import_report *report, const char *format, ...)
{
    char line[REPORT_LINE_SIZE];
    va_list args;

    va_start(args, format);
    vsnprintf(line, sizeof line, format, args);
    va_end(args);
    if (!report->line)
        report->line = calloc(REPORT_MAX_LINES, sizeof *report->line);
    for (uint32_t i = 0; i < report->n_line; i++)
        if (!strcmp(report->line[i], line))
            return;
    if (!report->line || report->n_line == REPORT_MAX_LINES) {
        report->n_more++;
        return;
    }
    memcpy(report->line[report->n_line++], line, sizeof line);
}

void import_report_free(struct import_report *report)
{
    free(report->line);
    *report = (struct import_report){0};
}

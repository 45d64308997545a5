#include "limit.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/// The value of a field whose name, with colon, is `name`, if this line is that field.
static const char *value(const char *line, const char *name) {
    size_t length = strlen(name);
    if (strncasecmp(line, name, length) != 0) return NULL;
    const char *found = line + length;
    while (*found == ' ') found++;
    return found;
}

enum parsed parse(char *head, size_t used, struct request *request) {
    char *end = memmem(head, used, "\r\n\r\n", 4);
    if (end == NULL) return used < HEAD_BYTES ? INCOMPLETE : MALFORMED;
    *end = 0;
    *request = (struct request){.method = head[0], .first = -1, .last = -1, .head_bytes = (size_t)(end - head) + 4};

    char *target = strchr(head, ' ');
    if (target == NULL) return MALFORMED;
    request->target = ++target;
    char *after = strpbrk(target, " \r");
    if (after == NULL || *after != ' ') return MALFORMED;
    *after = 0;
    char *query = strchr(target, '?');
    if (query != NULL) {
        *query = 0;
        request->query = query + 1;
    }
    if (strstr(target, "..") != NULL || target[0] != '/') return MALFORMED;

    for (char *line = strstr(after + 1, "\r\n"); line != NULL; line = strstr(line, "\r\n")) {
        line += 2;
        const char *found;
        if ((found = value(line, "content-length:")) != NULL) request->length = atoll(found);
        if ((found = value(line, "transfer-encoding:")) != NULL) request->length = -1;
        if ((found = value(line, "range: bytes=")) != NULL) {
            char *dash;
            request->first = strtoll(found, &dash, 10);
            request->last = *dash == '-' && dash[1] >= '0' ? atoll(dash + 1) : -1;
        }
    }
    return PARSED;
}

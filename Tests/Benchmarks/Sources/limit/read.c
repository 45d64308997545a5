#include "limit.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/// Most that one turn sends, so that one connection does not starve the others (nginx: sendfile_max_chunk).
enum { TURN_BYTES = 2 << 20 };

bool answer_status(int socket, const char *status) {
    char head[128];
    int length = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n", status);
    return send(socket, head, (size_t)length, MSG_NOSIGNAL) == length;
}

bool answer_read(struct connection *connection, const struct request *request) {
    int file = openat(root, request->target + 1, O_RDONLY | O_CLOEXEC);
    struct stat facts;
    if (file < 0 || fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode)) {
        if (file >= 0) close(file);
        return answer_status(connection->socket, "404 Not Found");
    }
    bool ranged = request->first >= 0 && request->first < facts.st_size;
    off_t first = ranged ? request->first : 0;
    off_t end = ranged && request->last >= 0 && request->last < facts.st_size ? request->last + 1 : facts.st_size;

    char head[256];
    int length = snprintf(
        head, sizeof head, "HTTP/1.1 %s\r\nContent-Length: %lld\r\n", ranged ? "206 Partial Content" : "200 OK",
        (long long)(end - first));
    if (ranged)
        length += snprintf(
            head + length, sizeof head - (size_t)length, "Content-Range: bytes %lld-%lld/%lld\r\n", (long long)first,
            (long long)end - 1, (long long)facts.st_size);
    memcpy(head + length, "\r\n", 2);
    length += 2;

    bool has_body = request->method == 'G' && end > first;
    if (send(connection->socket, head, (size_t)length, MSG_NOSIGNAL | (has_body ? MSG_MORE : 0)) != length) {
        close(file);
        return false;
    }
    if (!has_body) {
        close(file);
        return true;
    }
    connection->file = file;
    connection->offset = first;
    connection->end = end;
    return send_file(connection);
}

bool send_file(struct connection *connection) {
    size_t left = (size_t)(connection->end - connection->offset);
    ssize_t sent = sendfile(
        connection->socket, connection->file, &connection->offset, left < TURN_BYTES ? left : TURN_BYTES);
    if (sent == 0 || (sent < 0 && errno != EAGAIN && errno != EINTR)) return false;
    if (connection->offset < connection->end) return true;
    close(connection->file);
    connection->file = -1;
    return true;
}

#include "limit.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { BUFFER_BYTES = 256 << 10, DIGEST_BYTES = 32 };

/// A body on its way to the disk.
struct body {
    int socket, file;
    EVP_MD_CTX *hash;
    char *buffer;              // BUFFER_BYTES, received and not yet taken: from `start` to `used`
    size_t start, used;
};

/// Receives more behind what is there; the buffer starts anew when it is empty. False at the end or on error.
static bool receive(struct body *body) {
    if (body->start == body->used) body->start = body->used = 0;
    if (body->used == BUFFER_BYTES) {
        memmove(body->buffer, body->buffer + body->start, body->used - body->start);
        body->used -= body->start;
        body->start = 0;
    }
    ssize_t count = recv(body->socket, body->buffer + body->used, BUFFER_BYTES - body->used, 0);
    if (count <= 0) return false;
    body->used += (size_t)count;
    return true;
}

/// Hashes and writes the next `length` bytes of the body.
static bool take(struct body *body, size_t length) {
    while (length > 0) {
        if (body->start == body->used && !receive(body)) return false;
        size_t count = body->used - body->start < length ? body->used - body->start : length;
        const char *bytes = body->buffer + body->start;
        if (EVP_DigestUpdate(body->hash, bytes, count) != 1) return false;
        if (write(body->file, bytes, count) != (ssize_t)count) return false;
        body->start += count;
        length -= count;
    }
    return true;
}

/// Takes a line of the chunked coding: the number in it, or -1.
static long long chunk_line(struct body *body) {
    char *end;
    while ((end = memmem(body->buffer + body->start, body->used - body->start, "\r\n", 2)) == NULL)
        if (!receive(body)) return -1;
    // An empty line stands behind each chunk; strtoll would read on into the next.
    bool is_empty = end == body->buffer + body->start;
    long long length = is_empty ? 0 : strtoll(body->buffer + body->start, NULL, 16);
    body->start = (size_t)(end - body->buffer) + 2;
    return length;
}

static bool take_chunks(struct body *body) {
    long long length;
    while ((length = chunk_line(body)) > 0)
        if (!take(body, (size_t)length) || chunk_line(body) != 0) return false;
    return length == 0 && chunk_line(body) == 0;
}

/// The file under a temporary name becomes durable under its digest. Returns the status line's end.
static const char *commit(struct body *body, const char *temporary, const char *query) {
    unsigned char hash[DIGEST_BYTES];
    char name[sizeof "pushed/sha256:" + 2 * DIGEST_BYTES] = "pushed/sha256:";
    if (EVP_DigestFinal_ex(body->hash, hash, NULL) != 1) return "500 Internal Server Error";
    for (int byte = 0; byte < DIGEST_BYTES; byte++) sprintf(name + 14 + 2 * byte, "%02x", hash[byte]);
    const char *asked = query == NULL ? NULL : strstr(query, "digest=");
    if (asked == NULL || strncmp(asked + 7, name + 7, 7 + 2 * DIGEST_BYTES) != 0) return "400 Bad Request";

    if (fdatasync(body->file) != 0 || renameat(root, temporary, root, name) != 0) return "500 Internal Server Error";
    int folder = openat(root, "pushed", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = folder >= 0 && fsync(folder) == 0;
    if (folder >= 0) close(folder);
    return synced ? "201 Created" : "500 Internal Server Error";
}

bool answer_write(struct connection *connection, const struct request *request) {
    static atomic_ulong counter;
    char temporary[64];
    snprintf(temporary, sizeof temporary, "uploads/%lu", atomic_fetch_add(&counter, 1));
    static _Thread_local char *buffer;  // lives as long as the process: threads are few, and kept by their connections
    static _Thread_local EVP_MD_CTX *hash;
    if (buffer == NULL && (buffer = malloc(BUFFER_BYTES)) == NULL) return false;
    if (hash == NULL && (hash = EVP_MD_CTX_new()) == NULL) return false;

    struct body body = {.socket = connection->socket, .hash = hash, .buffer = buffer};
    body.file = openat(root, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (body.file < 0 || EVP_DigestInit_ex(hash, EVP_sha256(), NULL) != 1) return false;
    body.used = connection->used - request->head_bytes;
    memcpy(buffer, connection->head + request->head_bytes, body.used);
    connection->used = 0;

    bool whole = request->length < 0 ? take_chunks(&body) : take(&body, (size_t)request->length);
    const char *status = whole ? commit(&body, temporary, request->query) : NULL;
    close(body.file);
    if (status == NULL) return false;
    return answer_status(connection->socket, status);
}

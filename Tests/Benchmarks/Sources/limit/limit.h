// The bare limit: what a server of files and a receiver of hashed, durable files cost at the least.
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

enum { HEAD_BYTES = 8192 };

/// One connection. An event loop owns it until its first PUT, then a thread of its own.
struct connection {
    int socket;
    int file;           // being sent, or -1
    off_t offset, end;  // what of the file is still to be sent
    bool waits;         // the event loop waits until the socket takes more
    size_t used;        // bytes in `head`
    char head[HEAD_BYTES];
};

/// A request's head, pointing into `connection.head`.
struct request {
    char method;         // 'G', 'H' or 'P'
    const char *target;  // path and query, ended by a zero byte
    const char *query;   // behind '?', or NULL
    long long length;    // of the body; -1 when chunked
    long long first, last;  // of a range; first is -1 without one
    size_t head_bytes;   // of the whole head with its empty line
};

/// What `parse` says.
enum parsed { PARSED, INCOMPLETE, MALFORMED };

extern int root;  // descriptor of the folder that is served

enum parsed parse(char *head, size_t used, struct request *request);

/// Opens what is asked for and sends the answer's head. False: close the connection.
bool answer_read(struct connection *connection, const struct request *request);
/// Sends more of the file; returns false on error. `connection.file` is -1 once all is sent.
bool send_file(struct connection *connection);
/// Receives the body, hashes and writes it, and answers once it is durable. Blocks. False: close the connection.
bool answer_write(struct connection *connection, const struct request *request);
/// Sends an answer without body.
bool answer_status(int socket, const char *status);

// limit PORT FOLDER: serves the folder's files on 127.0.0.1, and keeps bodies that are PUT in FOLDER/pushed by digest.
// One event loop a core answers reads. A connection that writes gets a thread, since fdatasync blocks.
#include "limit.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

int root;

static int listen_on(int port) {
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), yes = 1;
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    setsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0 || listen(listener, 16384) != 0) {
        perror("limit: listen");
        exit(1);
    }
    return listener;
}

static void finish(struct connection *connection) {
    if (connection->file >= 0) close(connection->file);
    close(connection->socket);
    free(connection);
}

/// Serves one connection to its end, blocking.
static void *serve_writer(void *argument) {
    struct connection *connection = argument;
    fcntl(connection->socket, F_SETFL, fcntl(connection->socket, F_GETFL) & ~O_NONBLOCK);
    for (;;) {
        struct request request;
        enum parsed parsed = connection->used > 0 ? parse(connection->head, connection->used, &request) : INCOMPLETE;
        if (parsed == MALFORMED) break;
        if (parsed == INCOMPLETE) {
            ssize_t count =
                recv(connection->socket, connection->head + connection->used, HEAD_BYTES - connection->used, 0);
            if (count <= 0) break;
            connection->used += (size_t)count;
            continue;
        }
        if (request.method == 'P') {
            if (!answer_write(connection, &request)) break;
            continue;
        }
        connection->used = 0;
        bool good = answer_read(connection, &request);
        while (good && connection->file >= 0) good = send_file(connection);
        if (!good) break;
    }
    finish(connection);
    return NULL;
}

/// What becomes of a connection after its event.
enum next { CLOSE, KEEP, HANDED_OVER };

static enum next hand_over(struct connection *connection, int queue) {
    epoll_ctl(queue, EPOLL_CTL_DEL, connection->socket, NULL);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    pthread_attr_setstacksize(&attributes, 128 << 10);
    pthread_t thread;
    return pthread_create(&thread, &attributes, serve_writer, connection) == 0 ? HANDED_OVER : CLOSE;
}

/// Reads and answers what came.
static enum next read_request(struct connection *connection, int queue) {
    ssize_t count = recv(connection->socket, connection->head + connection->used, HEAD_BYTES - connection->used, 0);
    if (count == 0 || (count < 0 && errno != EAGAIN)) return CLOSE;
    if (count < 0) return KEEP;
    connection->used += (size_t)count;
    if (connection->head[0] == 'P') return hand_over(connection, queue);
    struct request request;
    switch (parse(connection->head, connection->used, &request)) {
        case MALFORMED: return CLOSE;
        case INCOMPLETE: return KEEP;
        case PARSED: connection->used = 0; return answer_read(connection, &request) ? KEEP : CLOSE;
    }
    return CLOSE;
}

/// Waits for the socket to take more while a file is on its way, else for the next request.
static void wait_rightly(struct connection *connection, int queue) {
    bool waits = connection->file >= 0;
    if (waits == connection->waits) return;
    connection->waits = waits;
    struct epoll_event event = {.events = waits ? EPOLLOUT : EPOLLIN, .data.ptr = connection};
    epoll_ctl(queue, EPOLL_CTL_MOD, connection->socket, &event);
}

static void accept_all(int listener, int queue) {
    for (;;) {
        int client = accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC), yes = 1;
        if (client < 0) return;
        setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        struct connection *connection = calloc(1, sizeof *connection);
        if (connection == NULL) {
            close(client);
            return;
        }
        connection->socket = client;
        connection->file = -1;
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = connection};
        epoll_ctl(queue, EPOLL_CTL_ADD, client, &event);
    }
}

static void *loop(void *argument) {
    int listener = listen_on(*(int *)argument), queue = epoll_create1(EPOLL_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = NULL}, events[256];
    epoll_ctl(queue, EPOLL_CTL_ADD, listener, &event);
    for (;;) {
        int count = epoll_wait(queue, events, 256, -1);
        for (int index = 0; index < count; index++) {
            struct connection *connection = events[index].data.ptr;
            if (connection == NULL) {
                accept_all(listener, queue);
                continue;
            }
            enum next next = connection->file < 0 ? read_request(connection, queue)
                             : send_file(connection) ? KEEP : CLOSE;
            if (next == KEEP) wait_rightly(connection, queue);
            if (next == CLOSE) finish(connection);
        }
    }
    return NULL;
}

int main(int count, char **arguments) {
    if (count != 3) {
        fprintf(stderr, "usage: limit PORT FOLDER\n");
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    int port = atoi(arguments[1]);
    root = open(arguments[2], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (root < 0) {
        perror(arguments[2]);
        return 1;
    }
    mkdirat(root, "uploads", 0700);
    mkdirat(root, "pushed", 0700);
    for (long core = 1; core < sysconf(_SC_NPROCESSORS_ONLN); core++) {
        pthread_t thread;
        pthread_create(&thread, NULL, loop, &port);
    }
    loop(&port);
}

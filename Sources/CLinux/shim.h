// Calls of Linux that Swift's Glibc module leaves out, for they ask for _GNU_SOURCE. Declared as glibc declares them
// where off_t has 64 bits.
#ifndef BERTH_LINUX_H
#define BERTH_LINUX_H

enum {
    BERTH_SYNC_FILE_RANGE_WAIT_BEFORE = 1,
    BERTH_SYNC_FILE_RANGE_WRITE = 2,
};

extern int sync_file_range(int fd, long long offset, long long count, unsigned int flags);

#endif

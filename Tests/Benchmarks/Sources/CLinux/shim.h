// What Swift's module of the C library leaves out.
#pragma once
#include <stddef.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

// GNU extensions, which the C library's headers show only to those who ask before the first of them is read.
extern int syncfs(int descriptor);
extern void *memmem(const void *bytes, size_t count, const void *wanted, size_t length);

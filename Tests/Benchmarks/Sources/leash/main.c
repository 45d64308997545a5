// leash COMMAND [ARGUMENT ...]: becomes the command, which ends with the process that started it, however that ends.
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int count, char **arguments) {
    if (count < 2) {
        fprintf(stderr, "usage: leash COMMAND [ARGUMENT ...]\n");
        return 2;
    }
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    execvp(arguments[1], arguments + 1);
    perror(arguments[1]);
    return 127;
}

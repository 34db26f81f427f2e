// The least that `weka-token get` could be: a static program that connects, writes, reads and prints. It checks
// next to nothing and speaks one sentence of the protocol (crates/wire), by heart. `floor SOCKET` prints the token.
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int main(int argc, char **argv) {
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (argc != 2 || strlen(argv[1]) >= sizeof address.sun_path) return 2;
    strcpy(address.sun_path, argv[1]);
    int daemon = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (connect(daemon, (struct sockaddr *)&address, sizeof address)) return 3;

    // Version 1, six bytes: get (0), the default profile (0), the usual life (0), at most 10,000 ms.
    static const unsigned char get[] = {1, 6, 0, 0, 0, 0, 0, 0, 0xfb, 0x10, 0x27};
    if (write(daemon, get, sizeof get) != sizeof get) return 1;

    // Version, length (4), token (0), its length: one byte up to 250, else 0xfb and two bytes. Answers come whole.
    static unsigned char answer[65536];
    ssize_t count = read(daemon, answer, sizeof answer - 1);
    if (count < 9 || answer[0] != 1 || answer[5] != 0) return 1;
    size_t start = 7, length = answer[6];
    if (length == 0xfb) {
        start = 9;
        length = answer[7] | answer[8] << 8;
    }
    if (start + length > (size_t)count) return 1;
    answer[start + length] = '\n';
    return write(1, answer + start, length + 1) != (ssize_t)(length + 1);
}

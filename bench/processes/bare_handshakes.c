/* Bare handshakes, one connection after the other, as `openssl s_time -new` makes them, behind STARTTLS too.
 *
 *     bare_handshakes CA_FILE NAME PORT smtp|imaps|pop3
 *
 * obeys lines on standard input: a number makes so many connections to 127.0.0.1 and prints the seconds they
 * took. Each one verifies the chain and goes no further than the handshake. No session is resumed. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static void fail(const char *what)
{
    fprintf(stderr, "bare_handshakes: %s\n", what);
    ERR_print_errors_fp(stderr);
    exit(1);
}

static void hear(int server)
{
    char reply[4096];
    if (read(server, reply, sizeof reply) <= 0)
        fail("the server says no more");
}

static void ask(int server, const char *command)
{
    if (write(server, command, strlen(command)) < 0)
        fail("the server takes no more");
    hear(server);
}

static void shake_hands(SSL_CTX *context, const char *name, int port, const char *protocol)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
    int server = socket(AF_INET, SOCK_STREAM, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (server < 0 || connect(server, (struct sockaddr *)&address, sizeof address))
        fail("no connection");
    if (strcmp(protocol, "imaps"))
        hear(server);
    if (!strcmp(protocol, "smtp")) {
        ask(server, "EHLO prober.mail.test\r\n");
        ask(server, "STARTTLS\r\n");
    }
    if (!strcmp(protocol, "pop3"))
        ask(server, "STLS\r\n");
    SSL *tls = SSL_new(context);
    SSL_set_fd(tls, server);
    SSL_set_tlsext_host_name(tls, name);
    SSL_set1_host(tls, name);
    if (SSL_connect(tls) != 1)
        fail("no handshake");
    SSL_free(tls);
    close(server);
}

int main(int count, char **words)
{
    char line[64];
    if (count != 5)
        fail("needs CA_FILE NAME PORT PROTOCOL");
    SSL_CTX *context = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
    if (SSL_CTX_load_verify_locations(context, words[1], NULL) != 1)
        fail("no CA");
    puts("ready");
    fflush(stdout);
    while (fgets(line, sizeof line, stdin)) {
        struct timespec begun, ended;
        clock_gettime(CLOCK_MONOTONIC, &begun);
        for (int left = atoi(line); left > 0; left--)
            shake_hands(context, words[2], atoi(words[3]), words[4]);
        clock_gettime(CLOCK_MONOTONIC, &ended);
        printf("%.6f\n", ended.tv_sec - begun.tv_sec + (ended.tv_nsec - begun.tv_nsec) / 1e9);
        fflush(stdout);
    }
    return 0;
}

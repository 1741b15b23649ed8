#include "identity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <openssl/pem.h>

#include "localhost_certificate.h"
#include "sm2.h"

static bool fault(const char *path, const char *what) {
    fprintf(stderr, "banyan-agent: %s: %s\n", path, what);
    return false;
}

/* The directory and what leads to it; the directory itself is the user's alone. */
static bool make_directory(const char *path) {
    struct stat found;
    char *part = must_have(strdup(path));
    for (char *at = part + 1; *at; at++)
        if (*at == '/') {
            *at = 0;
            mkdir(part, 0755);
            *at = '/';
        }
    mkdir(part, 0700);
    free(part);
    if (stat(path, &found) || !S_ISDIR(found.st_mode)) return fault(path, "no directory");
    if (found.st_uid != geteuid()) return fault(path, "belongs to somebody else");
    return chmod(path, 0700) == 0 || fault(path, strerror(errno));
}

static char *within(const char *directory, const char *name) {
    char *path = must_have(malloc(strlen(directory) + strlen(name) + 2));
    sprintf(path, "%s/%s", directory, name);
    return path;
}

/* Written beside, under a name that nobody could have laid there before, and renamed: after a crash there is the whole file
 * or none. */
static bool write_whole(const char *path, BIO *content) {
    char *data, *beside = must_have(malloc(strlen(path) + sizeof ".XXXXXX"));
    const long size = BIO_get_mem_data(content, &data);
    sprintf(beside, "%s.XXXXXX", path);
    const int file = mkostemp(beside, O_CLOEXEC); /* exclusive, 0600 */
    const bool good = file >= 0 && write(file, data, (size_t)size) == size && fsync(file) == 0;
    if (file >= 0) close(file);
    const bool done = good && rename(beside, path) == 0;
    if (file >= 0 && !done) unlink(beside);
    free(beside);
    return done || fault(path, "cannot be written; is the disk full?");
}

/* One agent at a time looks at the keys and makes those that are missing: two that start together must not each make its
 * own. The file stays; closing it, or the program's end, gives way to the next. */
static int lock_directory(const char *state) {
    char *path = within(state, "lock");
    const int file = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
    bool is_locked = false;
    while (file >= 0 && !(is_locked = flock(file, LOCK_EX) == 0) && errno == EINTR) {}
    if (!is_locked) fault(path, strerror(errno));
    if (!is_locked && file >= 0) close(file);
    free(path);
    return is_locked ? file : -1;
}

static bool load_key(struct identity *identity, const char *path) {
    FILE *file = fopen(path, "re");
    if (!file) return false;
    identity->key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    return identity->key != NULL;
}

static bool make_key(struct identity *identity, const char *path) {
    BIO *content = must_have(BIO_new(BIO_s_secmem()));
    identity->key = EVP_PKEY_Q_keygen(NULL, NULL, "SM2");
    const bool good = identity->key && PEM_write_bio_PrivateKey(content, identity->key, NULL, NULL, 0, NULL, NULL);
    const bool done = good && write_whole(path, content);
    BIO_free(content);
    return done;
}

static bool name_key(struct identity *identity) {
    uint8_t *der = NULL, digest[32];
    const int size = i2d_PUBKEY(identity->key, &der);
    if (size <= 0) return false;
    identity->public_key = bytes_copy(der, (size_t)size);
    OPENSSL_free(der);
    if (!sm3(identity->public_key.data, identity->public_key.size, digest)) return false;
    hex_of(digest, KEY_ID / 2, identity->key_id);
    return true;
}

static bool make_tls(const char *tls, const char *root) {
    BIO *own = must_have(BIO_new(BIO_s_secmem())), *issuer = must_have(BIO_new(BIO_s_mem()));
    /* The root goes first: what is trusted by nobody yet does no harm, a server without its root would not be trusted. */
    const bool good = localhost_certificate(own, issuer) && write_whole(root, issuer) && write_whole(tls, own);
    BIO_free(own);
    BIO_free(issuer);
    return good;
}

static bool have_key(struct identity *identity, const char *state) {
    char *path = within(state, "agent.pem");
    bool good = load_key(identity, path) || access(path, F_OK) != 0 || fault(path, "is no key");
    if (good && !identity->key) good = make_key(identity, path);
    free(path);
    return good && name_key(identity);
}

/* Its issuing key is gone: a certificate that no longer serves, or not yet by a clock that was wrong when it was made, or
 * that is not under the root that browsers were told to trust, goes together with its root, and the new root has to be
 * trusted. */
static bool have_tls(struct identity *identity, const char *state) {
    bool good = true;
    char *root = within(state, "root.pem");
    identity->tls = within(state, "tls.pem");
    if (!localhost_certificate_serves(identity->tls) || !localhost_certificate_is_under(identity->tls, root)) {
        if (access(identity->tls, F_OK) == 0)
            fprintf(stderr, "banyan-agent: %s: not valid at this time or not under its root, made anew; trust %s\n",
                    identity->tls, root);
        good = make_tls(identity->tls, root);
    }
    free(root);
    return good;
}

bool identity_load(struct identity *identity, const char *state) {
    *identity = (struct identity){0};
    if (!make_directory(state)) return false;
    const int lock = lock_directory(state);
    if (lock < 0) return false;
    const bool good = have_key(identity, state) && have_tls(identity, state);
    close(lock);
    return good;
}

void identity_free(struct identity *identity) {
    EVP_PKEY_free(identity->key);
    bytes_free(&identity->public_key);
    free(identity->tls);
}

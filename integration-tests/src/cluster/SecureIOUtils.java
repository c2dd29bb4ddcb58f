package org.apache.hadoop.io;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;

/**
 * In place of Hadoop's, which on a secure cluster needs the native library to check who owns a log file. Maven Central does not
 * have that, and all containers here belong to one user of the operating system.
 */
public class SecureIOUtils {
  public static FileInputStream openForRead(File file, String owner, String group) throws IOException {
    return new FileInputStream(file);
  }
}

package android.content;

import android.database.Cursor;
import android.net.Uri;
import android.os.Bundle;
import android.os.CancellationSignal;
import android.os.ParcelFileDescriptor;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.util.HashMap;
import java.util.Map;

/** Serves the files of a folder of the desktop; a name of "secret" belongs to somebody else. */
public class ContentResolver {
  /** Where the file behind a URI lies on this desktop. */
  public final Map<String, String> files = new HashMap<>();

  public final Map<String, String> names = new HashMap<>();
  public String downloads;

  public ParcelFileDescriptor openFileDescriptor(Uri uri, String mode) throws IOException {
    String path = files.get(uri.toString());
    if (path == null) {
      throw new FileNotFoundException("No content provider: " + uri);
    }
    if (path.endsWith("secret")) {
      throw new SecurityException("Permission Denial: opening provider");
    }
    return new ParcelFileDescriptor(path, mode);
  }

  public Cursor query(
      Uri uri, String[] columns, String selection, String[] arguments, String order) {
    return names.containsKey(uri.toString()) ? new Cursor(names.get(uri.toString())) : null;
  }

  public Cursor query(
      Uri uri,
      String[] columns,
      String selection,
      String[] arguments,
      String order,
      CancellationSignal signal) {
    throw new IllegalStateException("not the query that is meant");
  }

  public Cursor query(Uri uri, String[] columns, Bundle arguments, CancellationSignal signal) {
    throw new IllegalStateException("not the query that is meant");
  }

  public Uri insert(Uri table, ContentValues values) {
    if (downloads == null) {
      return null;
    }
    String name = (String) values.get("_display_name");
    Uri uri = new Uri(table + "/" + name);
    files.put(uri.toString(), downloads + "/" + name);
    return uri;
  }
}

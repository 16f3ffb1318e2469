<?xml version="1.0" encoding="utf-8"?>
<!-- Shows a TrackHistory file as a table: in xsltproc, and in browsers over HTTP. From the disk use trackhistory.css.
     Save it beside the XML, and name it to waybill as the stylesheet when the XML is written. -->
<xsl:stylesheet version="1.0" xmlns:xsl="http://www.w3.org/1999/XSL/Transform"
    xmlns:t="http://www.microsoft.com/schemas/MessageTracking" exclude-result-prefixes="t">
  <xsl:output method="html" encoding="utf-8" indent="yes"/>
  <xsl:template match="/t:TrackHistory">
    <html lang="en">
      <head>
        <title>Track history</title>
        <style>
          body { font: 15px/1.4 sans-serif; margin: 2em; color: #222; }
          table { border-collapse: collapse; width: 100%; }
          th, td { text-align: left; vertical-align: top; padding: .3em .6em; border-bottom: 1px solid #ddd; }
          th { border-bottom: 2px solid #888; }
          td.time, td.event { white-space: nowrap; }
          .id { font: 12px/1.4 monospace; color: #666; word-break: break-all; }
        </style>
      </head>
      <body>
        <h1>Track history</h1>
        <p><xsl:value-of select="count(t:Exchange_MessageTrackingEntry)"/> events, all times UTC</p>
        <table>
          <tr><th>Time</th><th>Server</th><th>Event</th><th>To</th><th>From</th><th>Recipients</th></tr>
          <xsl:apply-templates select="t:Exchange_MessageTrackingEntry"/>
        </table>
      </body>
    </html>
  </xsl:template>
  <xsl:template match="t:Exchange_MessageTrackingEntry">
    <tr>
      <td class="time"><xsl:value-of select="normalize-space(t:TimeLogged)"/></td>
      <td><xsl:value-of select="normalize-space(t:ServerName)"/></td>
      <td class="event"><xsl:apply-templates select="t:EntryType"/></td>
      <td><xsl:value-of select="normalize-space(t:PartnerServer)"/></td>
      <td>
        <xsl:value-of select="normalize-space(t:SenderAddress)"/>
        <xsl:if test="t:Subject"><br/><xsl:value-of select="normalize-space(t:Subject)"/></xsl:if>
        <div class="id"><xsl:value-of select="normalize-space(t:MessageID)"/></div>
        <div class="id"><xsl:value-of select="normalize-space(t:LinkedMessageID)"/></div>
      </td>
      <td>
        <xsl:for-each select="t:Recipients/t:Recipient">
          <div>
            <xsl:value-of select="normalize-space(t:RecipientAddress)"/>
            <xsl:if test="normalize-space(t:RecipientStatus) = '1'"> (not delivered)</xsl:if>
          </div>
        </xsl:for-each>
      </td>
    </tr>
  </xsl:template>
  <xsl:template match="t:EntryType">
    <xsl:variable name="n" select="normalize-space(.)"/>
    <xsl:value-of select="$n"/>
    <xsl:choose>
      <xsl:when test="$n = 0"> taken over</xsl:when>
      <xsl:when test="$n = 4 or $n = 1027"> submitted</xsl:when>
      <xsl:when test="$n = 7"> handed on</xsl:when>
      <xsl:when test="$n = 9 or $n = 1028"> delivered</xsl:when>
      <xsl:when test="$n = 26"> list expanded</xsl:when>
      <xsl:when test="$n = 28 or $n = 1042"> redirected</xsl:when>
      <xsl:when test="$n = 34 or $n = 1007 or $n = 1017"> report made</xsl:when>
      <xsl:when test="$n = 1000"> submitted and delivered</xsl:when>
      <xsl:when test="$n = 1003 or $n = 1011"> left the organisation</xsl:when>
      <xsl:when test="$n = 1010"> queued for the Internet</xsl:when>
      <xsl:when test="$n = 1004 or $n = 1012"> came from outside</xsl:when>
      <xsl:when test="$n = 1019"> in the queue</xsl:when>
      <xsl:when test="$n = 1030"> failed</xsl:when>
      <xsl:when test="$n = 1031"> sent</xsl:when>
    </xsl:choose>
  </xsl:template>
</xsl:stylesheet>
